"""P10: the clock of the host is set while a gateway lives. What it has given out lives as long as was said."""

from __future__ import annotations

import json
import time

import httpx
import pytest
import yaml
from websockets.sync.client import connect

from tests.doubles.accounts import bearer, key_header
from tests.faults.host_clock import HostClock
from tests.faults.members import AUTHENTICATION, PASSWORDS, SETTINGS, claims_of
from tests.processes.system import System, copy_startup
from tests.processes.waiting import wait_until

MOST_SKEW_S = 60
# A watchdog's worth, an hour there and back, summer time, a leap second.
STEPS_S = (8.0, 3600.0, -3600.0, 3600.0, -3600.0, -3600.0, 3600.0, -1.0)
PROCESSES = 2
LIFE_S = 40
LOGIN, REFRESH = "/api/auth/provider/toy/token", "/api/auth/session/refresh"


@pytest.fixture
def clock(directory, monkeypatch):
    """The clock of the host."""
    return HostClock(directory, monkeypatch)


@pytest.fixture
def system(directory, clock):
    """A system with accounts, whose gateway has two processes and gives out tokens of a short life."""
    configuration = {**SETTINGS, "authentication": {**AUTHENTICATION, "access_token_max_age": LIFE_S}}
    (directory / "gateway.yaml").write_text(yaml.safe_dump(json.loads(json.dumps(configuration))))
    made = System(
        directory,
        startup=copy_startup(directory / "startup"),
        http="127.0.0.1:0",
        http_config=str(directory / "gateway.yaml"),
        http_workers=PROCESSES,
    )
    yield made.start()
    made.close()


class Holder:
    """Holds a credential of each kind, and uses them; ``refused`` has what was not accepted."""

    def __init__(self, url):
        self.refused = []
        self.skews_s = []
        self._url = url
        form = {"username": "anna", "password": PASSWORDS["anna"]}
        self.tokens = self.ask("POST", LOGIN, {}, data=form).json()
        self.long_key = self._make_key(900)
        self.made_s = time.monotonic()
        self.mortals = [bearer(self.tokens), key_header(self._make_key(LIFE_S))]
        self._look_at_ends()

    def ask(self, verb, path, headers, **options):
        """Ask over a connection of its own, so that now one process answers and now the other."""
        with httpx.Client(base_url=self._url, trust_env=False, timeout=60, verify=False) as client:
            return client.request(verb, path, headers=headers, **options)

    def use_all(self, what):
        """Use everything, often enough that each process is asked."""
        for headers in [key_header(self.long_key), bearer(self.tokens), *self.mortals] * (2 * PROCESSES):
            self._try(what, "GET", "/api/queue/get", headers)
        ticket = self._try(what, "POST", "/v1/stream-ticket", bearer(self.tokens)).json()["ticket"]
        with connect(f"{self._url.replace('http', 'ws', 1)}/v1/stream?ticket={ticket}", proxy=None) as socket:
            assert json.loads(socket.recv(10))
        self.refresh(what)

    def refresh(self, what):
        """Have a new access token: where the steps were quick, the last one ends soon after those that are to end."""
        refresh = {"refresh_token": self.tokens["refresh_token"]}
        self.tokens = self._try(what, "POST", REFRESH, {}, json=refresh).json()
        self._look_at_ends()

    def _make_key(self, life_s):
        return self.ask("POST", "/api/auth/apikey", bearer(self.tokens), json={"expires_in": life_s}).json()

    def _try(self, what, verb, path, headers, **options):
        answer = self.ask(verb, path, headers, **options)
        if answer.status_code != 200:
            self.refused.append((what, verb, path, answer.text))
        return answer

    def _look_at_ends(self):
        """Note by how much the end of the present access token differs from the real time and its life."""
        end = claims_of(self.tokens["access_token"])["exp"]
        self.skews_s.append(abs(end - time.time() - self.tokens["expires_in"]))


@pytest.mark.fault("P10")
def test_a_step_of_the_clock_ends_no_credential_and_lengthens_the_life_of_none(system, clock, figure):
    holder = Holder(system.ready["http"])
    gateway = system.ready["pids"]["gateway"]
    for seconds in STEPS_S:
        clock.step(seconds)
        holder.use_all(f"step by {seconds:g} s")
    asked_s = time.monotonic() - holder.made_s
    assert asked_s < LIFE_S, "the steps took too long to say anything about the end"

    def has_ended(headers):
        return holder.ask("GET", "/api/queue/get", headers).status_code == 401

    clock.step(-3600.0)
    late_s = []
    for headers in holder.mortals:
        wait_until(lambda headers=headers: has_ended(headers), "the end of a credential", LIFE_S + MOST_SKEW_S)
        late_s.append(abs(time.monotonic() - holder.made_s - LIFE_S))
    holder.refresh("before the end")
    holder.use_all("at the end")
    figure(f"credentials refused after {len(STEPS_S)} steps", 0, len(holder.refused) - 2 * 2 * PROCESSES)
    figure("skew of the ends of tokens, s", MOST_SKEW_S, f"{max(*holder.skews_s, *late_s):.1f}")
    # Those that have ended meanwhile.
    assert {what for what, *_ in holder.refused} == {"at the end"}, holder.refused
    assert len(holder.refused) == 2 * 2 * PROCESSES
    assert max(*holder.skews_s, *late_s) <= MOST_SKEW_S
    assert system.ready["pids"]["gateway"] == gateway
