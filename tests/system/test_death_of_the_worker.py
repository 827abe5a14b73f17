"""The worker dies, is destroyed, or never comes up: the manager says so at once and can open another one."""

from __future__ import annotations

import os
import signal
import time

import pytest

from tests.processes.system import read_journal
from tests.processes.waiting import kill

# What is asked for stands in the figure; a machine that does other things may take longer.
SEEN_WITHIN_S = 10.0


def run_hold(ask, tmp_path):
    """Start a plan that lasts; return the uids of its item, of the item behind it, and of its run."""
    first, second = ask.add("hold", str(tmp_path / "gate")), ask.add("quick")
    ask.do("queue_start")
    [run] = ask.wait_for_runs()
    return first, second, run["uid"]


@pytest.mark.fault("P4")
def test_a_killed_worker_leaves_an_unknown_outcome_and_a_held_copy(system, tmp_path, figure):
    ask = system.requester
    ask.open()
    first, second, run_uid = run_hold(ask, tmp_path)

    killed_at = time.monotonic()
    kill(system.worker_pid)
    status = ask.wait_for(lambda status: status["items_in_history"] == 1, "the end of the attempt")
    seen_s = time.monotonic() - killed_at
    figure("the death of a worker is seen and recorded, s", "0.1", f"{seen_s:.3f}")
    assert seen_s <= SEEN_WITHIN_S
    assert (status["manager_state"], status["worker_environment_state"]) == ("idle", "closed")
    assert status["lanes"][0]["condition"] == "held"
    [entry] = ask.history()
    assert entry["item_uid"] == first
    assert entry["result"]["exit_status"] == "unknown"
    assert entry["result"]["run_uids"] == [run_uid]
    assert "SIGKILL" in entry["result"]["msg"]
    held, left = ask.queue()
    assert (held["name"], held["state"], left["item_uid"]) == ("hold", "held", second)

    ask.open()
    assert "queue_item_release" in ask.be_refused("queue_start")
    ask.do("queue_item_remove", uid=held["item_uid"])
    ask.do("queue_start")
    ask.wait_for(lambda status: status["items_in_history"] == 2 and status["manager_state"] == "idle", "second plan")
    assert [entry["item_uid"] for entry in read_journal(system.startup)] == [first, second]


@pytest.mark.night
def test_the_environment_opens_again_after_every_death_of_an_idle_worker(system):
    ask = system.requester
    for number in range(3):
        ask.open()
        worker = system.worker_pid
        os.kill(worker, signal.SIGKILL)
        status = ask.wait_for(lambda status: status["worker_environment_state"] == "closed", "closed environment")
        assert status["manager_state"] == "idle"
        assert "SIGKILL" in status["lanes"][0]["reason"]
        assert status["items_in_history"] == 0, number


def test_a_destroyed_environment_leaves_a_failed_plan_and_an_ordinary_copy(system, tmp_path):
    ask = system.requester
    ask.open()
    first, second, run_uid = run_hold(ask, tmp_path)
    worker = system.worker_pid
    ask.do("environment_destroy")
    status = ask.wait_for(lambda status: status["worker_environment_state"] == "closed", "closed environment")
    system.wait_for_worker_end(worker)
    assert status["manager_state"] == "idle"
    assert status["lanes"][0]["condition"] == "open"
    [entry] = ask.history()
    assert (entry["item_uid"], entry["result"]["exit_status"]) == (first, "failed")
    assert entry["result"]["run_uids"] == [run_uid]
    copy, left = ask.queue()
    assert (copy["name"], left["item_uid"]) == ("hold", second)
    assert "state" not in copy

    (tmp_path / "gate").touch()
    ask.open()
    ask.do("queue_start")
    ask.wait_for(lambda status: status["items_in_history"] == 3 and status["manager_state"] == "idle", "both plans")
    assert ask.queue() == []


def test_an_environment_can_be_destroyed_while_it_opens_and_while_its_plan_is_paused(system, tmp_path):
    ask = system.requester
    ask.do("environment_open")
    ask.do("environment_destroy")
    ask.wait_for(lambda status: status["worker_environment_state"] == "closed", "closed environment")
    ask.open()
    first, _, _ = run_hold(ask, tmp_path)
    ask.do("re_pause", option="immediate")
    ask.wait_for_state("paused")
    ask.do("environment_destroy")
    ask.wait_for_state("idle")
    assert [(entry["item_uid"], entry["result"]["exit_status"]) for entry in ask.history()] == [(first, "failed")]


def test_a_silent_worker_is_shown_and_not_killed(system, tmp_path):
    ask = system.requester
    ask.open()
    first, _, _ = run_hold(ask, tmp_path)
    worker = system.worker_pid
    os.kill(worker, signal.SIGSTOP)
    try:
        ask.wait_for(lambda status: not status["lanes"][0]["answering"], "the silence of the worker")
        assert ask.status()["running_item_uid"] == first
    finally:
        os.kill(worker, signal.SIGCONT)
    ask.wait_for(lambda status: status["lanes"][0]["answering"], "the worker answers again")
    (tmp_path / "gate").touch()
    ask.wait_for(lambda status: status["items_in_history"] == 2, "both plans")
    assert {entry["result"]["exit_status"] for entry in ask.history()} == {"completed"}
