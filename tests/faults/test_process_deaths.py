"""Processes that are killed at random instants. D1: the manager under mixed load. P1, P2: during and after a plan.
P7: everything at once.
"""

from __future__ import annotations

import random
import threading
import time

import pytest

from queue_server.process import living_workers
from tests.processes.requester import ManagerGoneError
from tests.processes.system import System, copy_startup, read_journal
from tests.processes.waiting import wait_until

KILLS = 200
LEAST_LIFE_S, MOST_LIFE_S = 0.02, 0.5
LEAST_RATE = 50
PLANS = 50
SEED = 20_261
MOST_BURSTS = 10_000
BACK_WITHIN_S = 2.0
BACK_AT_MOST_S = 10.0


@pytest.fixture
def system(directory):
    """A whole system that can be killed in parts."""
    made = System(directory, startup=copy_startup(directory / "startup")).start()
    yield made
    made.close()


@pytest.mark.night
@pytest.mark.fault("D1")
@pytest.mark.timeout(1800)
def test_a_manager_that_is_killed_under_load_loses_and_doubles_nothing(rig, figure):
    """In turns: the queue stands, and everything is changed; it runs; it runs in circles."""
    lived_s = 0.0
    for number in range(KILLS):
        lived_s += die_at_random(rig, executes=number % 2 == 1, loops=number % 4 == 3)
    rig.recover()
    rate = rig.acknowledged / lived_s
    figure("kills", f"{KILLS} of {KILLS}: K", f"{len(rig.kills)} of {KILLS}, {rig.acknowledged} acknowledged, K holds")
    figure("acknowledged changes/s", f">= {LEAST_RATE}", f"{rate:.0f}")
    assert rate >= LEAST_RATE


def die_at_random(rig, *, executes, loops):
    """Load a manager until it is killed; return how long it was loaded, in seconds."""
    manager = rig.start().must_be_ready()
    rig.check_if_due(manager)
    load = rig.begin(manager, loops=loops, opens=executes)
    killer = threading.Timer(rig.chance.uniform(LEAST_LIFE_S, MOST_LIFE_S), manager.process.kill)
    began = time.monotonic()
    killer.start()
    try:
        for _ in range(MOST_BURSTS):
            load.burst(executes=executes)
            if executes:
                load.keep_running()
        pytest.fail("the manager was not killed")
    except ManagerGoneError:
        pass
    finally:
        killer.join()
    lived_s = time.monotonic() - began
    rig.was_killed(manager, f"a random instant, executes={executes}, loops={loops}")
    return lived_s


@pytest.mark.night
@pytest.mark.fault("P1")
@pytest.mark.timeout(900)
def test_a_plan_survives_a_kill_of_the_manager_at_any_instant(system, directory, figure):
    ask, chance, slowest_s = system.requester, random.Random(SEED), 0.0
    ask.open()
    gates = [directory / f"gate{number}" for number in range(PLANS)]
    uids = [ask.add("hold", str(gate)) for gate in gates]
    ask.do("queue_start")
    for number, gate in enumerate(gates):
        ask.wait_for(lambda status, uid=uids[number]: status["running_item_uid"] == uid, f"plan {number}")
        threading.Event().wait(chance.uniform(0, 0.5))
        killed_at = system.kill_manager()
        ask.wait_for(lambda status, epoch=number + 2: status["epoch"] == epoch, "the next manager")
        slowest_s = max(slowest_s, time.monotonic() - killed_at)
        system.wait_ready(number + 2)
        gate.touch()
    ask.wait_for(lambda status: status["items_in_history"] == PLANS and status["manager_state"] == "idle", "the end")
    history = ask.history()
    assert [entry["item_uid"] for entry in history] == uids
    assert {entry["result"]["exit_status"] for entry in history} == {"completed"}
    journal = read_journal(system.startup)
    assert [entry["result"]["run_uids"] for entry in history] == [[entry["run_uid"]] for entry in journal]
    assert ask.queue() == []
    figure("plans recorded once with their runs", PLANS, len(history))
    figure("manager back, slowest, s", BACK_WITHIN_S, f"{slowest_s:.2f}")
    assert slowest_s <= BACK_AT_MOST_S


@pytest.mark.night
@pytest.mark.fault("P2")
@pytest.mark.timeout(900)
def test_each_plan_that_ends_without_a_manager_is_recorded_once(rig, directory, figure):
    ask = rig.recover().requester
    ask.open()
    gates = [directory / f"gate{number}" for number in range(PLANS)]
    uids = [ask.add("hold", str(gate)) for gate in gates]
    ask.do("queue_start")
    log = rig.data / "workers" / "default.log"
    for number, gate in enumerate(gates):
        ask.wait_for(lambda status, uid=uids[number]: status["running_item_uid"] == uid, f"plan {number}")
        ask.wait_for_runs()
        rig.manager.kill()
        gate.touch()
        wait_until(lambda ends=number + 1: log.read_text().count("The plan ended: completed") == ends, "the end")
        ask = rig.recover().requester
    ask.wait_for(lambda status: status["items_in_history"] == PLANS and status["manager_state"] == "idle", "the end")
    history = ask.history()
    assert [entry["item_uid"] for entry in history] == uids
    assert {entry["result"]["exit_status"] for entry in history} == {"completed"}
    assert [entry["item_uid"] for entry in read_journal(rig.startup)] == uids
    assert ask.queue() == []
    figure("ends recorded once", PLANS, len(history))


@pytest.mark.night
@pytest.mark.fault("P7")
@pytest.mark.timeout(1800)
def test_what_ran_when_everything_died_is_unknown_and_waits_for_a_person(system, directory, figure):
    ask = system.requester
    behind = [ask.open() and ask.add("quick", label="behind"), ask.add("quick", label="last")]
    for number in range(PLANS):
        item = {"item_type": "plan", "name": "hold", "args": [str(directory / "gate")], "kwargs": {}}
        params = {"item": item, "pos": "front", "user": "Somebody", "user_group": "primary"}
        uid = ask.do("queue_item_add", **params)["item"]["item_uid"]
        ask.do("queue_start")
        [run] = ask.wait_for_runs()
        system.kill_everything()
        ask = system.start().requester
        status = ask.status()
        assert (status["manager_state"], status["queue_autostart_enabled"]) == ("idle", False)
        entry = ask.history()[-1]
        assert (entry["item_uid"], entry["result"]["exit_status"]) == (uid, "unknown")
        assert entry["result"]["run_uids"] == [run["uid"]]
        held, *others = ask.queue()
        assert (held["name"], held["state"]) == ("hold", "held")
        assert [item["item_uid"] for item in others] == behind
        assert len(read_journal(system.startup)) == number + 1
        ask.open()
        assert "held" in ask.be_refused("queue_start")
        ask.do("queue_item_remove", uid=held["item_uid"])
    assert living_workers(system.data / "workers")
    figure("unknown and a held copy, nothing run again", PLANS, len(read_journal(system.startup)))
