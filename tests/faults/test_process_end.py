"""Ends under load: P11, the manager is asked to end; P4, the worker is killed in the middle of plans."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest

from queue_server.process import living_workers
from tests.faults.tiers import SLACK, rounds
from tests.processes.requester import ManagerGoneError
from tests.processes.waiting import kill

ENDS = 15
WORKER_DEATHS = rounds(5, 50)
MOST_S = 10.0


def test_what_is_answered_while_the_manager_ends_is_true(rig, figure):
    """A request that arrives too late is refused or not answered, and then it was not done; none of them is lost."""
    slowest_s, complete = 0.0, 0
    for number in range(ENDS):
        manager = rig.start().must_be_ready()
        rig.check_if_due(manager)
        load = rig.begin(manager, opens=False)
        for _ in range(4):
            load.burst(executes=False)
        load.post(most=40)
        # Each time the signal meets another part of the burst.
        load.await_replies(number)
        asked_at = time.monotonic()
        manager.process.terminate()
        with suppress(ManagerGoneError):
            load.collect()
            complete += 1
        assert manager.end() == 0, manager.log_end()
        slowest_s = max(slowest_s, time.monotonic() - asked_at)
    rig.recover()
    figure(f"{ENDS} ends under load, slowest, s", "5", f"{slowest_s:.2f}")
    figure("last bursts that were answered completely", f"all of {ENDS}", complete)
    assert slowest_s <= SLACK * MOST_S


@pytest.mark.fault("P4", scales=True)
@pytest.mark.timeout(300 + 10 * WORKER_DEATHS)
def test_each_death_of_the_worker_during_a_plan_is_seen_and_recorded(rig, tmp_path, figure):
    ask = rig.recover().requester
    slowest_s = 0.0
    for number in range(WORKER_DEATHS):
        ask.open()
        uid = ask.add("hold", str(tmp_path / "gate"))
        ask.do("queue_start")
        [run] = ask.wait_for_runs()
        killed_at = time.monotonic()
        kill(*living_workers(rig.data / "workers"))
        status = ask.wait_for(lambda status: status["worker_environment_state"] == "closed", "closed environment")
        slowest_s = max(slowest_s, time.monotonic() - killed_at)
        assert status["manager_state"] == "idle"
        entry = ask.history()[-1]
        assert len(ask.history()) == number + 1
        assert (entry["item_uid"], entry["result"]["exit_status"]) == (uid, "unknown")
        assert entry["result"]["run_uids"] == [run["uid"]]
        assert "SIGKILL" in entry["result"]["msg"]
        [held] = ask.queue()
        assert held["state"] == "held"
        ask.do("queue_item_remove", uid=held["item_uid"])
    figure(f"{WORKER_DEATHS} deaths of the worker seen and recorded, slowest, s", "0.1", f"{slowest_s:.3f}")
    assert slowest_s <= SLACK * MOST_S
