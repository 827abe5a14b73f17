"""A1, A4 and A6: guesses of passwords and lock keys are few, however many come, and keep out nobody else."""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import ExitStack, suppress
from types import SimpleNamespace

import httpx
import psutil
import pytest

from http_gateway.auth.desk import Desk
from http_gateway.auth.providers import HASHING_NICENESS, Mode
from http_gateway.errors import CredentialError, ThrottledError
from queue_server.clock import Chance, ManualClock
from queue_server.core.locks import Lock
from queue_server.handlers.lock_keys import LockKeys
from queue_server.protocol.errors import BusyError
from tests.doubles.accounts import bearer
from tests.faults.askers import p99
from tests.faults.members import gateway_with_accounts, log_in
from tests.faults.tiers import SLACK
from tests.faults.wire import Wire
from tests.processes.lone import Manager
from tests.processes.system import System, copy_startup
from tests.processes.waiting import wait_until

GUESSES = 10_000
ADDRESSES = 10
MOST_EVALUATED = 20
QUARTER_S = 900.0
MOST_LOCK_KEYS = 10
LOGINS = 100
MOST_HASHES = 4
LEAST_LOOKS = 20
MOST_CONTROL_MS = 100
LOCAL_ACCOUNTS = """
authentication:
  providers: [{provider: local, authenticator: "http_gateway.auth.providers:LocalAuthenticator"}]
"""


class CountingProvider:
    """Counts the passwords that it is asked about; each takes a moment."""

    mode = Mode.password
    most_at_once = 0
    evaluated = 0
    _now = 0

    async def authenticate(self, username, password):
        """Find every password wrong."""
        self.evaluated += 1
        self._now += 1
        self.most_at_once = max(self.most_at_once, self._now)
        await asyncio.sleep(0)
        self._now -= 1


def make_desk(provider, clock):
    """A desk that never gets as far as its store."""
    nothing = SimpleNamespace()
    return Desk(nothing, nothing, nothing, {"toy": provider}, clock)  # pyright: ignore[reportArgumentType]


# --- A1: passwords --------------------------------------------------------------------------------------------------


@pytest.mark.fault("A1")
@pytest.mark.parametrize("at_once", [1, 100])
async def test_of_ten_thousand_guesses_for_one_account_twenty_are_looked_at(at_once, figure):
    clock, provider = ManualClock(), CountingProvider()
    desk = make_desk(provider, clock)
    # The debugging of the event loop costs milliseconds for each task.
    guesses = GUESSES if at_once == 1 else GUESSES // 10
    outcomes = []

    async def guess(number):
        try:
            await desk.log_in("toy", "anna", f"guess {number}", f"10.0.0.{number % ADDRESSES}")
        except ThrottledError as error:
            outcomes.append(int(error.headers["Retry-After"]))
        except CredentialError:
            outcomes.append(0)

    for start in range(0, guesses, at_once):
        if at_once == 1:
            await guess(start)
        else:
            await asyncio.gather(*(guess(number) for number in range(start, start + at_once)))
        clock.advance(at_once * QUARTER_S / guesses)
    figure("guesses looked at in 15 minutes", MOST_EVALUATED, provider.evaluated)
    assert provider.evaluated <= MOST_EVALUATED
    assert len(outcomes) == guesses
    assert min(wait_s for wait_s in outcomes if wait_s) > 0


@pytest.mark.fault("A1")
async def test_who_has_a_token_or_has_logged_in_before_is_not_kept_out(manager, tmp_path, figure):
    async with gateway_with_accounts(manager, tmp_path) as client:
        tokens = await log_in(client, "anna")
        statuses = []
        for number in range(100):
            form = {"username": "anna", "password": f"guess {number}"}
            # The guesses of others, who come over the same trusted proxy.
            headers = {"X-Forwarded-For": f"10.0.0.{number % ADDRESSES}"}
            answer = await client.post("/api/auth/provider/toy/token", data=form, headers=headers)
            statuses.append(answer.status_code)
            if number % 10 == 0:
                assert (await client.get("/api/queue/get", headers=bearer(tokens))).status_code == 200
        assert statuses.count(401) <= MOST_EVALUATED
        assert statuses[-1] == 429
        figure("refused by 429 of 100", ">= 80", statuses.count(429))
        await log_in(client, "anna")
        await log_in(client, "bob")


# --- A4: many logins at once ----------------------------------------------------------------------------------------


def _hashing(pid):
    """Return how many threads of a process run at the priority of those that hash."""
    threads = [psutil.Process(pid), *(psutil.Process(thread.id) for thread in psutil.Process(pid).threads())]
    return sum(thread.nice() >= threads[0].nice() + HASHING_NICENESS for thread in threads)


def _login_of(path, name):
    form = f"username={name}&password=wrong"
    head = f"POST {path} HTTP/1.1\r\nHost: here\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    return f"{head}Content-Length: {len(form)}\r\nConnection: close\r\n\r\n{form}".encode()


class Looks:
    """Somebody who asks gateway and manager all the time, and counts the threads that hash."""

    def __init__(self, system):
        self.control_s, self.gateway_s, self.hashing = [], [], []
        self._system, self._ended = system, threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self):
        self._thread.start()
        self.wait_for_more()
        return self

    def __exit__(self, *error):
        self._ended.set()
        self._thread.join(60)

    def wait_for_more(self):
        """Wait for some more looks."""
        enough = len(self.control_s) + LEAST_LOOKS
        wait_until(lambda: len(self.control_s) >= enough, "looks")

    def _look(self):
        gateway = self._system.ready["pids"]["gateway"]
        with httpx.Client(base_url=self._system.ready["http"], trust_env=False, timeout=60) as client:
            while not self._ended.wait(0.005):
                started = time.monotonic()
                assert client.get("/v1/health/live").status_code == 200
                answered = time.monotonic()
                self._system.requester.status()
                self.gateway_s.append(answered - started)
                self.control_s.append(time.monotonic() - answered)
                self.hashing.append(_hashing(gateway))


@pytest.fixture
def local_system(tmp_path):
    """A system with accounts of its own."""
    (tmp_path / "gateway.yaml").write_text(LOCAL_ACCOUNTS)
    configuration = str(tmp_path / "gateway.yaml")
    made = System(tmp_path, startup=copy_startup(tmp_path / "startup"), http="127.0.0.1:0", http_config=configuration)
    yield made.start()
    made.close()


@pytest.mark.night
@pytest.mark.fault("A4")
def test_a_hundred_logins_at_once_hash_four_at_a_time_and_hold_up_nobody(local_system, figure):
    with Looks(local_system) as looks, ExitStack() as stack:
        # Requests of a few bytes: what is measured is who answers, and not who asks.
        wires = [Wire(local_system.ready["http"]) for _ in range(LOGINS)]
        for number, wire in enumerate(wires):
            stack.callback(wire.close)
            wire.send(_login_of("/api/auth/provider/local/token", f"user{number}"))
        statuses = {wire.status(60) for wire in wires}
        looks.wait_for_more()
    figure(f"control p99 while {LOGINS} log in, ms", MOST_CONTROL_MS, f"{p99(looks.control_s):.0f}")
    figure("answers of the gateway p99 meanwhile, ms", "", f"{p99(looks.gateway_s):.0f}")
    figure("threads that hash", MOST_HASHES, max(looks.hashing))
    assert statuses <= {401, 429}
    assert 401 in statuses
    assert p99(looks.control_s) <= SLACK * MOST_CONTROL_MS
    assert 0 < max(looks.hashing) <= MOST_HASHES


# --- A6: lock keys --------------------------------------------------------------------------------------------------


@pytest.mark.fault("A6")
def test_of_ten_thousand_lock_keys_ten_a_minute_are_looked_at(figure):
    clock = ManualClock()
    keys = LockKeys(clock, Chance())
    lock = Lock(True, True, "anna", "", 0.0, keys.digest("the right key"))
    evaluated = []
    # A guess each 60 ms, for ten minutes.
    for number in range(GUESSES):
        with suppress(BusyError):
            assert not keys.fits(f"guess {number}", lock)
            evaluated.append(clock.monotonic())
        clock.advance(0.06)
    most = max(sum(moment <= other < moment + 60 for other in evaluated) for moment in evaluated)
    figure("lock keys looked at in a minute", MOST_LOCK_KEYS, most)
    assert most <= MOST_LOCK_KEYS
    assert len(evaluated) <= MOST_LOCK_KEYS * 11


@pytest.mark.fault("A6")
def test_a_manager_looks_at_ten_and_keeps_only_a_digest(directory, figure):
    manager = Manager(directory / "data").must_be_ready()
    key = "a lock key that is found nowhere else"
    try:
        ask = manager.requester
        ask.do("lock", lock_key=key, queue=True, environment=True, user="anna")
        numbers = [ask.post("unlock", lock_key=f"guess {number}") for number in range(60)]
        replies = ask.collect(numbers)
        looked_at = [reply for reply in replies.values() if "Invalid lock key" in reply["msg"]]
        assert len(looked_at) == MOST_LOCK_KEYS, {reply["msg"] for reply in replies.values()}
        assert all(reply["error"]["code"] == "busy" for reply in replies.values() if reply not in looked_at)
        # A restart does not unlock, and what is on the disk is no key.
        manager.terminate()
        manager.restart().must_be_ready()
        assert manager.requester.do("lock_info")["lock_info"]["queue"] is True
        files = [file.read_bytes() for file in (directory / "data").rglob("*") if file.is_file()]
        figure("places in the data directory with the key", 0, sum(key.encode() in content for content in files))
        assert not any(key.encode() in content for content in files)
        assert key not in manager.log()
        manager.requester.do("unlock", lock_key=key)
    finally:
        manager.kill()
