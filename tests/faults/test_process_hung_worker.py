"""P5: a worker that crashes or hangs. What has happened is named; nothing is killed unless a person orders an end."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from queue_server.process import living_workers
from tests.processes.waiting import wait_for_end

PLANS = '''
import ctypes
import os
import signal


def _run(action):
    yield from bps.open_run()
    yield from bps.sleep(0.3)
    action()
    yield from bps.close_run()


def crash():
    """Read where nothing is."""
    yield from _run(lambda: ctypes.string_at(0))


def leave():
    """End the process without a word."""
    yield from _run(lambda: os._exit(7))


def starve():
    """Do to the process what the kernel does when memory is short."""
    yield from _run(lambda: os.kill(os.getpid(), signal.SIGKILL))


def block(seconds: float):
    """Wait in C, and let no other thread run meanwhile."""
    yield from _run(lambda: ctypes.PyDLL(None).usleep(int(seconds * 1e6)))


def occupy(seconds: float):
    """Wait in C while other threads run."""
    yield from _run(lambda: ctypes.CDLL(None).usleep(int(seconds * 1e6)))
'''
CRASHES = {"crash": "SIGSEGV", "leave": "7", "starve": "SIGKILL"}
STALL_S = 30
SHOWN_WITHIN_S = 3.0
SHOWN_AT_MOST_S = 8.0
KILLED_WITHIN_S = 10.0
PATIENCE_S = 60


@pytest.fixture
def ask(rig):
    """A client of a manager with an open environment, which knows bad plans."""
    (rig.startup / "01-bad.py").write_text(PLANS)
    ask = rig.recover().requester
    ask.open()
    return ask


def worker_of(rig):
    [pid] = living_workers(rig.data / "workers")
    return pid


def start(ask, name, *args):
    uid = ask.add(name, *args)
    ask.do("queue_start")
    [run] = ask.wait_for_runs()
    return uid, run["uid"]


def wait_for_silence(ask, since_s):
    """Wait until the worker is shown as one that does not answer, with its age; return how long that took."""
    status = ask.wait_for(lambda status: not status["lanes"][0]["answering"], "silence", SHOWN_AT_MOST_S)
    shown_s = time.monotonic() - since_s
    [lane] = status["lanes"]
    assert time.time() - SHOWN_AT_MOST_S < lane["silent_since"] <= time.time()
    return shown_s


def check_unknown(ask, uid, *words):
    """The last attempt has an unknown outcome and a held copy with the next number; the environment opens again."""
    status = ask.wait_for(lambda status: status["worker_environment_state"] == "closed", "the end", PATIENCE_S)
    assert (status["manager_state"], status["queue_autostart_enabled"]) == ("idle", False)
    [entry] = ask.history()
    assert (entry["item_uid"], entry["result"]["exit_status"]) == (uid, "unknown")
    assert [word for word in words if word not in entry["result"]["msg"] + entry["result"]["traceback"]] == []
    [held] = ask.queue()
    assert held["state"] == "held"
    ask.open()
    assert "held" in ask.be_refused("queue_start")
    return entry


@pytest.mark.night
@pytest.mark.fault("P5")
@pytest.mark.parametrize("plan", CRASHES)
def test_a_worker_that_dies_by_its_plan_is_named_for_what_it_was(ask, plan, figure):
    uid = ask.add(plan)
    ask.do("queue_start")
    entry = check_unknown(ask, uid, CRASHES[plan])
    assert len(entry["result"]["run_uids"]) == 1
    figure(f"death by {plan}", CRASHES[plan], entry["result"]["msg"])


@pytest.mark.night
@pytest.mark.fault("P5")
@pytest.mark.parametrize("stall", ["stopped", "block", "occupy"])
@pytest.mark.timeout(300)
def test_a_worker_that_hangs_is_shown_and_left_alone(ask, rig, directory, stall, figure):
    worker = worker_of(rig)
    if stall == "stopped":
        uid, _ = start(ask, "hold", str(directory / "gate"))
        began_s = time.monotonic()
        os.kill(worker, signal.SIGSTOP)
    else:
        uid = ask.add(stall, STALL_S)
        ask.do("queue_start")
        ask.wait_for(lambda status: status["running_item_uid"] == uid, "the plan")
        began_s = time.monotonic()
    shown_s = wait_for_silence(ask, began_s)
    threading.Event().wait(max(0.0, STALL_S - 2 - (time.monotonic() - began_s)))
    assert ask.status()["running_item_uid"] == uid
    assert worker_of(rig) == worker
    if stall == "stopped":
        os.kill(worker, signal.SIGCONT)
        (directory / "gate").touch()
    ask.wait_for(lambda status: status["items_in_history"] == 1, "the plan", PATIENCE_S)
    [entry] = ask.history()
    assert (entry["item_uid"], entry["result"]["exit_status"]) == (uid, "completed")
    status = ask.wait_for(lambda status: status["lanes"][0]["answering"], "an answer")
    assert status["lanes"][0]["silent_since"] is None
    figure(f"worker {stall} for {STALL_S} s, shown after, s", SHOWN_WITHIN_S, f"{shown_s:.2f}")


@pytest.mark.night
@pytest.mark.fault("P5")
@pytest.mark.parametrize("stall", ["block", "occupy"])
@pytest.mark.timeout(300)
def test_an_abort_of_a_plan_that_hangs_ends_its_worker(ask, rig, stall, figure):
    worker = worker_of(rig)
    uid = ask.add(stall, 600)
    ask.do("queue_start")
    ask.wait_for(lambda status: status["re_state"] == "running", "the plan")
    wait_for_silence(ask, time.monotonic())
    ask.do("re_pause", option="immediate")
    assert ask.status()["lanes"][0]["waiting_for"] == "the plan to pause"
    ordered_s = time.monotonic()
    ask.do("re_abort")
    ask.wait_for(lambda status: status["lanes"][0]["waiting_for"] == "the plan to halt", "halt", KILLED_WITHIN_S)
    wait_for_end(worker, 2 * KILLED_WITHIN_S)
    took_s = time.monotonic() - ordered_s
    check_unknown(ask, uid, "SIGKILL")
    kinds = [event["kind"] for event in ask.do("events_get", limit=1000)["events"]]
    assert kinds.count("order_overdue") == 2
    figure(f"worker in {stall}: killed after abort, s", KILLED_WITHIN_S, f"{took_s:.1f}")
    assert took_s <= 2 * KILLED_WITHIN_S


@pytest.mark.night
@pytest.mark.fault("P5")
@pytest.mark.timeout(300)
def test_nobody_kills_a_worker_that_hangs_before_an_end_is_ordered(ask, rig):
    worker = worker_of(rig)
    ask.add("block", 12)
    ask.do("queue_start")
    ask.wait_for(lambda status: not status["lanes"][0]["answering"], "silence", SHOWN_AT_MOST_S)
    ask.be_refused("re_resume")
    ask.be_refused("re_stop")
    ask.wait_for(lambda status: status["items_in_history"] == 1, "the plan", PATIENCE_S)
    assert worker_of(rig) == worker
    assert ask.history()[0]["result"]["exit_status"] == "completed"
