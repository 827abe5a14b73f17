"""The manager is killed: plans go on in the worker, and what they come to is recorded once."""

from __future__ import annotations

import os
import signal
import time

import pytest

from queue_server.keeper import SILENT_AFTER_S
from tests.processes.system import read_journal
from tests.processes.waiting import kill, wait_until

# What is asked for stands in the figures; a machine that does other things may take longer.
BACK_WITHIN_S = 30.0


def test_a_plan_survives_the_death_of_the_manager_and_its_true_outcome_is_recorded(system, tmp_path, figure):
    ask, gate = system.requester, tmp_path / "gate"
    ask.open()
    uid = ask.add("hold", str(gate))
    ask.do("queue_start")
    [run] = ask.wait_for_runs()
    worker = system.worker_pid

    killed_at = system.kill_manager()
    first = ask.status()
    answered_s = time.monotonic() - killed_at
    status = ask.wait_for_state("executing_queue")
    adopted_s = time.monotonic() - killed_at
    system.wait_ready(2)
    assert status["running_item_uid"] == uid
    assert status["epoch"] == 2
    assert system.worker_pid == worker
    assert [entry["uid"] for entry in ask.do("re_runs")["run_list"]] == [run["uid"]]

    gate.touch()
    ask.wait_for_state("idle")
    [entry] = ask.history()
    assert entry["item_uid"] == uid
    assert entry["result"]["exit_status"] == "completed"
    assert entry["result"]["run_uids"] == [run["uid"]]
    assert ask.queue() == []
    assert len(read_journal(system.startup)) == 1
    figure("the manager answers again after SIGKILL, s", "2.0", f"{answered_s:.2f} ({first['manager_state']})")
    figure("the worker is adopted after SIGKILL of the manager, s", "2.0", f"{adopted_s:.2f}")
    assert adopted_s <= BACK_WITHIN_S


@pytest.mark.night
def test_an_adopted_plan_can_be_paused_and_aborted(system, tmp_path):
    ask = system.requester
    ask.open()
    uid = ask.add("hold", str(tmp_path / "gate"))
    ask.do("queue_start")
    [run] = ask.wait_for_runs()
    system.kill_manager()
    ask.wait_for_state("executing_queue")
    ask.do("re_pause", option="immediate")
    ask.wait_for_state("paused")

    system.kill_manager()
    ask.wait_for_state("paused")
    ask.do("re_abort")
    ask.wait_for_state("idle")
    [entry] = ask.history()
    assert (entry["item_uid"], entry["result"]["exit_status"]) == (uid, "aborted")
    assert entry["result"]["run_uids"] == [run["uid"]]


def test_a_plan_that_ends_while_the_manager_is_down_is_recorded_once_and_the_queue_goes_on(system, tmp_path):
    ask, gate = system.requester, tmp_path / "gate"
    ask.open()
    first, second = ask.add("hold", str(gate)), ask.add("quick")
    ask.do("queue_start")
    ask.wait_for_runs()

    system.stop_supervisor()
    system.kill_manager()
    gate.touch()
    system.wait_for_worker_text("The plan ended: completed")
    system.continue_supervisor()

    ask.wait_for(lambda status: status["items_in_history"] == 2 and status["manager_state"] == "idle", "both plans")
    history = ask.history()
    assert [entry["item_uid"] for entry in history] == [first, second]
    assert [entry["result"]["exit_status"] for entry in history] == ["completed", "completed"]
    assert [entry["item_uid"] for entry in read_journal(system.startup)] == [first, second]
    assert ask.queue() == []


@pytest.mark.night
def test_a_failed_plan_that_ends_while_the_manager_is_down_stops_the_queue(system, tmp_path):
    ask, gate = system.requester, tmp_path / "gate"
    ask.open()
    first, second, third = ask.add("hold", str(gate)), ask.add("fail"), ask.add("quick")
    ask.do("queue_start")
    ask.wait_for_runs()
    system.stop_supervisor()
    system.kill_manager()
    gate.touch()
    system.wait_for_worker_text("The plan ended: completed")
    system.continue_supervisor()
    ask.wait_for(lambda status: status["items_in_history"] == 2 and status["manager_state"] == "idle", "both plans")
    assert [entry["result"]["exit_status"] for entry in ask.history()] == ["completed", "failed"]
    copy, left = ask.queue()
    assert copy["item_uid"] not in (first, second)
    assert copy["name"] == "fail"
    assert left["item_uid"] == third


@pytest.mark.parametrize("moment", [pytest.param("at once", marks=pytest.mark.night), "after the hello"])
def test_the_environment_opens_although_the_manager_dies_meanwhile(system, moment):
    ask = system.requester
    ask.do("environment_open")
    if moment == "after the hello":
        system.output.wait_for("says hello")
    system.kill_manager()
    status = ask.wait_for(
        lambda status: status["manager_state"] == "idle" and status["worker_environment_state"] in ("idle", "closed"),
        "the environment is open or closed",
    )
    if status["worker_environment_state"] == "closed":
        # The order was committed, and the manager died before it had started the process.
        assert moment == "at once"
        ask.open()
    ask.add("quick")
    ask.do("queue_start")
    ask.wait_for(lambda status: status["items_in_history"] == 1, "one finished plan")


@pytest.mark.night
def test_orders_given_to_a_restarted_manager_while_it_closes_are_obeyed(system):
    ask = system.requester
    ask.open()
    worker = system.worker_pid
    os.kill(worker, signal.SIGSTOP)
    ask.do("environment_close")
    system.kill_manager()
    os.kill(worker, signal.SIGCONT)
    ask.wait_for(lambda status: status["worker_environment_state"] == "closed", "closed environment")
    system.wait_for_worker_end(worker)


@pytest.mark.night
def test_the_manager_can_be_killed_again_and_again_during_one_plan(system, tmp_path, figure):
    ask, gate = system.requester, tmp_path / "gate"
    ask.open()
    uid = ask.add("hold", str(gate))
    ask.do("queue_start")
    ask.wait_for_runs()
    times = []
    for number in range(2, 6):
        killed_at = system.kill_manager()
        ask.wait_for_state("executing_queue")
        times.append(time.monotonic() - killed_at)
        system.wait_ready(number)
    gate.touch()
    ask.wait_for_state("idle")
    assert [entry["item_uid"] for entry in ask.history()] == [uid]
    assert len(read_journal(system.startup)) == 1
    figure("the manager is back, slowest of 4 kills in a row, s", "2.0", f"{max(times):.2f}")
    assert max(times) <= BACK_WITHIN_S


def test_a_manager_that_stops_answering_is_replaced_and_the_plan_goes_on(system, tmp_path, figure):
    ask, gate = system.requester, tmp_path / "gate"
    ask.open()
    uid = ask.add("hold", str(gate))
    ask.do("queue_start")
    ask.wait_for_runs()
    silent = system.manager_pid
    stopped_at = time.monotonic()
    os.kill(silent, signal.SIGSTOP)
    wait_until(lambda: not system.is_ready or system.manager_pid != silent, "the end of the silent manager")
    system.wait_ready(2)
    ask.wait_for_state("executing_queue")
    figure(
        "a silent manager is replaced, s", f"{SILENT_AFTER_S:g} of silence + 2", f"{time.monotonic() - stopped_at:.1f}"
    )
    gate.touch()
    ask.wait_for_state("idle")
    assert [entry["item_uid"] for entry in ask.history()] == [uid]


def test_supervisor_and_manager_die_and_a_new_system_takes_over_what_is_left(system, tmp_path):
    """Without its supervisor the manager serves on; when it dies too, the worker is left."""
    ask, gate = system.requester, tmp_path / "gate"
    ask.open()
    uid = ask.add("hold", str(gate))
    ask.do("queue_start")
    ask.wait_for_runs()
    manager = system.manager_pid
    kill(system.supervisor_pid)
    assert ask.status()["running_item_uid"] == uid
    kill(manager)
    system.end()
    # Nobody was there to remove it; whoever waits for the new one must not find the old.
    assert system.is_ready
    before = system.ready["pids"]
    ask = system.start().requester
    assert system.ready["pids"].keys() == before.keys()
    assert not set(system.ready["pids"].values()) & set(before.values())
    ask.wait_for_state("executing_queue")
    gate.touch()
    ask.wait_for_state("idle")
    assert [entry["item_uid"] for entry in ask.history()] == [uid]
    assert len(read_journal(system.startup)) == 1
