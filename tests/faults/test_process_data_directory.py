"""D10: a data directory from which something is missing is refused. P13: a second manager finds out at once.

In both cases the process ends by itself with a reason, and has changed nothing.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import sqlite3
import time
from contextlib import closing

import pytest

from tests.faults.tiers import SLACK
from tests.processes.lone import Manager
from tests.processes.requester import Requester
from tests.processes.system import copy_startup
from tests.processes.waiting import kill

# Asked for are 2 s and 1 s; a busy machine may take longer for the imports alone.
MOST_S = 10.0
SECOND_MANAGERS = int(os.environ.get("CUELIGHT_TEST_SECOND_MANAGERS", "20"))

_PR_CAPBSET_DROP = 24
_CAP_DAC_OVERRIDE = 1


@pytest.fixture
def startup(directory):
    return copy_startup(directory / "startup")


@pytest.fixture
def used(directory, startup):
    """A data directory with three items, whose manager was killed; return its path and the uids."""
    manager = Manager(directory / "data", startup=str(startup)).must_be_ready()
    ask = manager.requester
    ask.open()
    uids = [ask.add("quick", label=f"{number}") for number in range(3)]
    ask.do("environment_close")
    ask.wait_for(lambda status: status["worker_environment_state"] == "closed", "closed environment")
    manager.kill()
    return directory / "data", uids


def content_of(data):
    """Return the digest of every file of a store, except the lock, which names the last process that tried."""
    files = [path for path in data.iterdir() if path.is_file() and path.name not in ("lock", "queue.sqlite-shm")]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def obey_file_modes():
    """Let the user root obey the modes of files, as every other user does."""
    if os.geteuid() == 0:
        ctypes.CDLL(None).prctl(_PR_CAPBSET_DROP, _CAP_DAC_OVERRIDE, 0, 0, 0)


# --- D10 ---------------------------------------------------------------------------------------------------------


def lose_database(data):
    for name in ("queue.sqlite", "queue.sqlite-wal", "queue.sqlite-shm"):
        (data / name).unlink(missing_ok=True)


def empty_database(data):
    lose_database(data)
    (data / "queue.sqlite").touch(0o600)


def lose_log(data):
    (data / "queue.sqlite-wal").unlink()
    (data / "queue.sqlite-shm").unlink(missing_ok=True)


def make_schema_newer(data):
    with closing(sqlite3.connect(data / "queue.sqlite", isolation_level=None)) as connection:
        connection.execute("PRAGMA user_version = 9999")


def put_another_file_there(data):
    lose_database(data)
    (data / "queue.sqlite").write_bytes(b"not a database " * 1000)
    (data / "queue.sqlite").chmod(0o600)


def make_read_only(data):
    for path in data.iterdir():
        if path.is_file():
            path.chmod(0o400)
    data.chmod(0o500)


FAULTS = {
    "database missing": (lose_database, "missing"),
    "0 bytes": (empty_database, "empty"),
    "no log": (lose_log, "log"),
    "newer schema": (make_schema_newer, "9999"),
    "another file": (put_another_file_there, "queue.sqlite"),
    "read-only": (make_read_only, "write access"),
}


@pytest.mark.fault("D10")
@pytest.mark.parametrize("fault", FAULTS)
def test_a_damaged_data_directory_is_refused_and_never_becomes_an_empty_queue(used, startup, fault, figure):
    data, _ = used
    damage, told = FAULTS[fault]
    damage(data)
    before = content_of(data)
    started_at = time.monotonic()
    manager = Manager(data, startup=str(startup), prepare=obey_file_modes)
    assert not manager.wait_ready(), "the manager serves a damaged data directory"
    code = manager.end()
    took_s = time.monotonic() - started_at
    data.chmod(0o700)
    figure(f"end of the manager, {fault}, s", "2.0", f"{took_s:.2f}")
    assert took_s <= SLACK * MOST_S
    assert code > 0
    assert told in manager.failure
    assert str(data) in manager.failure or "release" in manager.failure
    assert content_of(data) == before
    assert manager.errors() == ""


def test_the_data_directory_is_used_again_once_the_cause_is_gone(used, startup):
    data, uids = used
    database = data / "queue.sqlite"
    away = data.with_name("away")
    database.rename(away)
    manager = Manager(data, startup=str(startup))
    assert not manager.wait_ready()
    manager.end()
    away.rename(database)
    manager = Manager(data, startup=str(startup)).must_be_ready()
    assert [item["item_uid"] for item in manager.requester.queue()] == uids
    manager.kill()


# --- P13 ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def busy(directory, startup):
    """A manager in the middle of a plan, and a worker that is ended with it."""
    manager = Manager(directory / "data", startup=str(startup), forks=True).must_be_ready()
    ask = manager.requester
    ask.open()
    ask.add("hold", str(directory / "gate"))
    ask.add("quick")
    ask.do("queue_start")
    ask.wait_for_runs()
    yield manager
    ask = manager.requester
    ask.do("environment_destroy")
    ask.wait_for(lambda status: status["worker_environment_state"] == "closed", "closed environment")
    manager.kill()


def what_is_told(ask: Requester):
    status = {name: value for name, value in ask.status().items() if name not in ("time", "status_uid", "revision")}
    return status, ask.do("queue_get"), ask.do("history_get"), ask.do("re_runs")


@pytest.mark.fault("P13")
@pytest.mark.parametrize("forks", [True, False], ids=["many", "from scratch"])
def test_a_second_manager_on_the_same_data_ends_before_it_writes(busy, startup, forks, figure):
    data = busy.data
    told, content, holder = what_is_told(busy.requester), content_of(data), (data / "lock").read_text()
    number = SECOND_MANAGERS if forks else 2
    times = []
    for _ in range(number):
        started_at = time.monotonic()
        second = Manager(data, startup=str(startup), forks=forks)
        assert not second.wait_ready()
        assert second.end() > 0
        times.append(time.monotonic() - started_at)
        assert f"in use by process {busy.process.pid}" in second.failure
    assert (data / "lock").read_text() == holder
    assert content_of(data) == content
    assert what_is_told(busy.requester) == told
    figure(f"{number} second managers on the same data end, slowest, s", "1.0", f"{max(times):.2f}")
    assert max(times) <= SLACK * MOST_S


@pytest.mark.fault("P13")
def test_a_second_manager_on_the_same_port_ends_and_the_first_is_not_disturbed(busy, directory, startup, figure):
    told, content = what_is_told(busy.requester), content_of(busy.data)
    times = []
    for socket in ("control", "info"):
        for number in range(SECOND_MANAGERS // 2):
            started_at = time.monotonic()
            taken = {socket: busy.ready[socket]}
            second = Manager(directory / f"{socket}{number}", startup=str(startup), forks=True, **taken)
            assert not second.wait_ready()
            assert second.end() > 0
            times.append(time.monotonic() - started_at)
            assert f"cannot bind {busy.ready[socket]}" in second.failure
    assert content_of(busy.data) == content
    assert what_is_told(busy.requester) == told
    figure(f"{len(times)} second managers on the same port end, slowest, s", "1.0", f"{max(times):.2f}")
    assert max(times) <= SLACK * MOST_S


def test_the_data_directory_is_free_as_soon_as_its_manager_is_killed(busy, startup):
    """The lock ends with the process, however that dies: there is no stale lock to remove by hand."""
    [worker] = busy.requester.status()["lanes"]
    kill(busy.process.pid)
    busy.end()
    busy.restart().must_be_ready()
    assert busy.requester.wait_for_state("executing_queue")["lanes"][0]["worker"] == worker["worker"]
