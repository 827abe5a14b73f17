"""Supervisor, manager and worker die at once, as at a loss of power: nothing is lost, and nothing runs twice."""

from __future__ import annotations

import pytest

from tests.processes.requester import USER
from tests.processes.system import read_journal


def items(count):
    return [{"item_type": "plan", "name": "quick", "kwargs": {"label": f"{number}"}} for number in range(count)]


def labels(queue):
    return [item["kwargs"]["label"] for item in queue]


@pytest.mark.night
def test_fifty_queued_items_are_there_after_a_restart_in_order(system):
    ask = system.requester
    ask.open()
    for item in items(25):
        ask.do("queue_item_add", item=item, **USER)
    batch = ask.do("queue_item_add_batch", items=items(25), **USER)["items"]
    ask.do("queue_item_move", uid=batch[-1]["item_uid"], pos_dest="front")
    ask.do("queue_mode_set", mode={"loop": True})
    before = ask.queue()
    assert len(before) == 50
    assert labels(before)[:2] == ["24", "0"]

    system.kill_everything()
    ask = system.start().requester
    status = ask.status()
    assert ask.queue() == before
    assert (status["items_in_queue"], status["items_in_history"]) == (50, 0)
    assert status["manager_state"] == "idle"
    assert status["worker_environment_exists"] is False
    assert status["worker_environment_state"] == "closed"
    assert status["plan_queue_mode"] == {"loop": True, "ignore_failures": False}
    assert status["queue_autostart_enabled"] is False
    assert read_journal(system.startup) == []


def lose_everything_during_a_plan(system, gate):
    """Return the uids of the item that ran, of the one behind it and of the run, and a client of the new system."""
    ask = system.requester
    ask.open()
    lost, next_one = ask.add("hold", str(gate)), ask.add("quick")
    ask.do("queue_start")
    [run] = ask.wait_for_runs()
    system.kill_everything()
    return lost, next_one, run["uid"], system.start().requester


def test_an_item_that_ran_when_everything_died_is_unknown_and_its_held_copy_runs_only_when_released(system, tmp_path):
    lost, next_one, run_uid, ask = lose_everything_during_a_plan(system, tmp_path / "gate")
    status = ask.status()
    [entry] = ask.history()
    assert entry["item_uid"] == lost
    assert entry["result"]["exit_status"] == "unknown"
    assert entry["result"]["run_uids"] == [run_uid]
    held, left = ask.queue()
    assert held["item_uid"] not in (lost, next_one)
    assert (held["name"], held["state"]) == ("hold", "held")
    assert "unknown" in held["hold_reason"]
    assert left["item_uid"] == next_one
    assert (status["manager_state"], status["worker_environment_exists"]) == ("idle", False)
    assert status["queue_autostart_enabled"] is False
    assert status["lanes"][0]["condition"] == "held"

    ask.open()
    refusal = ask.be_refused("queue_start")
    assert "held" in refusal
    assert "queue_item_release" in refusal
    assert len(read_journal(system.startup)) == 1

    (tmp_path / "gate").touch()
    ask.do("queue_item_release", uid=held["item_uid"])
    assert ask.status()["lanes"][0]["condition"] == "open"
    ask.do("queue_start")
    ask.wait_for(lambda status: status["items_in_history"] == 3 and status["manager_state"] == "idle", "both plans")
    assert [entry["result"]["exit_status"] for entry in ask.history()] == ["unknown", "completed", "completed"]
    attempts = [(entry["item_uid"], entry["attempt"]) for entry in read_journal(system.startup)]
    assert attempts == [(lost, 1), (held["item_uid"], 2), (next_one, 1)]


def test_what_the_worker_had_written_down_counts_although_everything_died(system, tmp_path):
    """The plan ended, and its end reached the disk of the worker, but not the manager."""
    ask, gate = system.requester, tmp_path / "gate"
    ask.open()
    uid = ask.add("hold", str(gate))
    ask.do("queue_start")
    [run] = ask.wait_for_runs()
    worker = system.worker_pid
    system.stop_supervisor()
    system.kill_manager()
    gate.touch()
    system.wait_for_worker_text("The plan ended: completed")
    assert worker == system.worker_pid

    system.kill_everything()
    ask = system.start().requester
    [entry] = ask.history()
    assert (entry["item_uid"], entry["result"]["exit_status"]) == (uid, "completed")
    assert entry["result"]["run_uids"] == [run["uid"]]
    assert ask.queue() == []


@pytest.mark.night
def test_everything_may_die_again_and_again(system):
    ask = system.requester
    ask.open()
    uids = [ask.add("quick", label=f"{number}") for number in range(5)]
    for _ in range(3):
        system.kill_everything()
        ask = system.start().requester
        uids.append(ask.add("quick"))
    assert [item["item_uid"] for item in ask.queue()] == uids
    assert ask.status()["epoch"] == 4
