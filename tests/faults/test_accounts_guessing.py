"""A1, A4 and A6: guesses of passwords and lock keys are few, however many come, and keep out nobody else."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest

from http_gateway.auth.desk import Desk
from http_gateway.auth.providers import Mode
from http_gateway.errors import CredentialError, ThrottledError
from queue_server.clock import Chance, ManualClock
from queue_server.core.locks import Lock
from queue_server.handlers.lock_keys import LockKeys
from queue_server.protocol.errors import BusyError
from tests.faults.members import bearer, gateway_with_accounts, log_in
from tests.processes.lone import Manager
from tests.processes.system import System, copy_startup

GUESSES = 10_000
ADDRESSES = 10
MOST_EVALUATED = 20
QUARTER_S = 900.0
MOST_LOCK_KEYS = 10
MOST_HASHES = 4
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


def _threads_of(pid, name):
    return sum(task.read_text().startswith(name) for task in Path(f"/proc/{pid}/task").glob("*/comm"))


@pytest.mark.night
@pytest.mark.fault("A4")
def test_a_hundred_logins_at_once_hash_four_at_a_time_and_hold_up_nobody(tmp_path, figure):
    (tmp_path / "gateway.yaml").write_text(LOCAL_ACCOUNTS)
    system = System(
        tmp_path,
        startup=copy_startup(tmp_path / "startup"),
        http="127.0.0.1:0",
        http_config=str(tmp_path / "gateway.yaml"),
    ).start()
    try:
        gateway, path, url = system.ready["pids"]["gateway"], "/api/auth/provider/local/token", system.ready["http"]
        spent, hashing, ended = [], [], threading.Event()

        def look():
            with httpx.Client(base_url=url, trust_env=False, timeout=10, verify=False) as client:
                while not ended.is_set():
                    started = time.monotonic()
                    assert client.get("/v1/health/live").status_code == 200
                    system.requester.status()
                    spent.append(time.monotonic() - started)
                    hashing.append(_threads_of(gateway, "logins"))

        def log_in(number):
            return client.post(path, data={"username": f"user{number}", "password": "wrong"}).status_code

        looking = threading.Thread(target=look)
        looking.start()
        with (
            httpx.Client(base_url=url, timeout=60, trust_env=False, verify=False) as client,
            ThreadPoolExecutor(100) as threads,
        ):
            statuses = set(threads.map(log_in, range(100)))
        ended.set()
        looking.join(10)
        slowest = sorted(spent)[max(0, int(len(spent) * 0.99) - 1)]
        figure("control p99 while 100 log in, ms", MOST_CONTROL_MS, f"{slowest * 1000:.0f}")
        assert statuses <= {401, 429}
        assert slowest * 1000 <= MOST_CONTROL_MS
        assert max(hashing, default=0) <= MOST_HASHES
    finally:
        system.close()


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
