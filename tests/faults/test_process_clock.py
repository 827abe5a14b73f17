"""P10: the clock of the host is set while the whole system works. Nobody notices, and the order stays."""

from __future__ import annotations

import threading

import pytest

from tests.faults.host_clock import HostClock
from tests.processes.system import System, copy_startup
from tests.processes.waiting import wait_until

# Seconds from one to the next: a watchdog's worth, an hour there and back, summer time, a leap second.
STEPS = {"+ 8 s": 8, "+ 1 h": 3600, "- 1 h": -3600, "summer time": 3600, "winter time": -3600, "leap second": -1}
REST_S = 4.0


@pytest.fixture
def clock(directory, monkeypatch):
    """Set the clock of every process that is started from now on, as often as wanted."""
    return HostClock(directory, monkeypatch).step


@pytest.fixture
def system(directory, clock):
    """A system with a gateway, whose clock can be set."""
    made = System(directory, startup=copy_startup(directory / "startup"), http="127.0.0.1:0").start()
    yield made
    made.close()


@pytest.mark.fault("P10")
def test_a_step_of_the_clock_restarts_nobody_and_changes_no_order(system, clock, directory, figure):
    ask = system.requester
    ask.open()
    pids, epoch, worker = system.ready["pids"], ask.status()["epoch"], system.worker_pid
    first_time = float(ask.do("events_get", limit=1)["events"][0]["time"])
    held = ask.add("hold", str(directory / "gate"))
    ask.do("queue_start")
    ask.wait_for_runs()
    uids = []
    for seconds in STEPS.values():
        clock(seconds)
        uids.append(ask.add("quick"))
        # Longer than every heartbeat and every watchdog takes to complain.
        threading.Event().wait(REST_S)
        status = ask.status()
        assert status["lanes"][0]["answering"]
        assert status["running_item_uid"] == held
    (directory / "gate").touch()
    ask.wait_for(lambda status: status["items_in_history"] == 1 + len(uids), "all plans")
    wait_until(lambda: ask.status()["manager_state"] == "idle", "rest")

    assert [entry["item_uid"] for entry in ask.history()] == [held, *uids]
    events = ask.do("events_get", since=0, limit=1000)["events"]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    times = [event["time"] for event in events]
    assert times != sorted(times), "the clock was not set"
    assert max(times) - first_time > 3600
    assert (system.ready["pids"], ask.status()["epoch"], system.worker_pid) == (pids, epoch, worker)
    figure(f"{len(STEPS)} steps of the clock: restarts", 0, 0)
    figure("history and event log", "in order of sequence", "in order of sequence")
