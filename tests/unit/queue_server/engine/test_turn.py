"""What one turn does to the store: claims, finishes with each copy policy, instructions."""

from __future__ import annotations

import pytest

from queue_server.core.model import State
from queue_server.engine.recovery import restore
from queue_server.protocol.items import DEFAULT_LANE
from queue_server.protocol.worker_link import Execute
from tests.doubles.bench import INSTRUCTION, USER, plan


async def test_the_start_of_an_item_is_durable_before_it_is_dispatched(bench, store):
    await bench.open()
    [uid] = await bench.add("count", args=[["det1"]], kwargs={"num": 3})
    await bench.do("queue_start")

    [running] = await store.transact(lambda tx: tx.running())
    [(incarnation, order)] = [entry for entry in bench.noted("send") if isinstance(entry[1], Execute)]
    assert incarnation == bench.incarnation
    assert order.attempt == running.attempt == bench.lane.attempt.key
    assert (order.attempt.item_uid, order.attempt.number, order.attempt.epoch) == (uid, 1, store.epoch)
    assert order.content == {**plan(args=[["det1"]], kwargs={"num": 3}), "item_uid": uid, **USER}
    assert (running.item.state, running.phase, running.time_start) == ("running", "dispatched", bench.clock.wall())


async def test_the_running_item_is_shown_apart_from_the_queue(executing):
    reply = await executing.do("queue_get")
    assert reply["running_item"]["item_uid"] == executing.key.item_uid
    assert reply["running_item"]["properties"] == {"time_start": executing.clock.wall()}
    assert [item["name"] for item in reply["items"]] == ["scan"]
    assert executing.status["items_in_queue"] == 1
    assert executing.status["running_item_uid"] == executing.key.item_uid


async def test_finish_history_and_the_claim_of_the_next_item_are_one_turn(executing):
    first = executing.key
    await executing.close_run()
    mark = len(executing.journal)
    await executing.finish(run_uids=("run-1",), scan_ids=(1,), points=5)

    assert executing.events(mark) == ["item_finished", "item_started"]
    assert executing.key.item_uid != first.item_uid
    states = [status["manager_state"] for (status,) in executing.noted("status", mark)]
    assert set(states) == {"executing_queue"}
    [entry] = (await executing.do("history_get"))["items"]
    assert entry["item_uid"] == first.item_uid
    assert entry["result"] == {
        "exit_status": "completed",
        "run_uids": ["run-1"],
        "scan_ids": [1],
        "time_start": executing.clock.wall(),
        "time_stop": executing.clock.wall() + 1.5,
        "msg": "",
        "traceback": "",
        "points": 5,
    }


async def test_the_last_item_leaves_an_idle_manager_and_an_empty_queue(executing):
    await executing.finish()
    await executing.finish()
    assert executing.status["manager_state"] == "idle"
    assert await executing.uids() == []
    assert executing.status["items_in_history"] == 2


@pytest.mark.parametrize("outcome", ["failed", "aborted", "halted"])
async def test_what_did_not_succeed_returns_to_the_front_with_its_result_and_a_new_uid(executing, outcome):
    first = executing.key
    await executing.finish(outcome, message="the shutter is stuck", traceback="line 1")

    reply = await executing.do("queue_get")
    copy, following = reply["items"]
    assert following["name"] == "scan"
    assert copy["name"] == "count"
    assert copy["item_uid"] != first.item_uid
    assert copy["result"]["exit_status"] == outcome
    assert copy["result"]["msg"] == "the shutter is stuck"
    assert "state" not in copy
    assert reply["running_item"] == {}
    assert executing.status["manager_state"] == "idle"
    [entry] = (await executing.do("history_get"))["items"]
    assert (entry["item_uid"], entry["result"]["exit_status"]) == (first.item_uid, outcome)


async def test_the_copy_of_a_failed_item_is_the_next_attempt_of_the_same_submission(executing):
    first = executing.key
    await executing.finish("failed")
    await executing.do("queue_start")
    assert executing.key.submission == first.submission
    assert executing.key.number == 2
    assert "result" not in (await executing.do("history_get"))["items"][0]["result"]


async def test_a_copy_that_runs_again_does_not_carry_the_old_result_into_the_next_copy(executing):
    await executing.finish("failed", message="once")
    await executing.do("queue_start")
    await executing.finish("failed", message="twice")
    assert [entry["result"]["msg"] for entry in (await executing.do("history_get"))["items"]] == ["once", "twice"]
    assert (await executing.do("queue_get"))["items"][0]["result"]["msg"] == "twice"


async def test_a_stopped_item_is_a_success_that_stops_the_queue(executing):
    await executing.finish("stopped")
    assert [item["name"] for item in (await executing.do("queue_get"))["items"]] == ["scan"]
    assert executing.status["manager_state"] == "idle"


async def test_in_loop_mode_a_completed_item_goes_to_the_back_without_its_result(executing):
    await executing.do("queue_mode_set", mode={"loop": True})
    first = executing.key
    await executing.finish()
    reply = await executing.do("queue_get")
    assert reply["running_item"]["name"] == "scan"
    [copy] = reply["items"]
    assert (copy["name"], "result" in copy) == ("count", False)
    assert copy["item_uid"] != first.item_uid


async def test_failures_are_ignored_when_the_mode_says_so(executing):
    await executing.do("queue_mode_set", mode={"ignore_failures": True})
    await executing.finish("failed")
    reply = await executing.do("queue_get")
    assert (reply["items"], reply["running_item"]["name"]) == ([], "scan")


async def test_an_uncertain_outcome_puts_a_held_copy_in_front(executing):
    first = executing.key
    await executing.exit("killed by SIGSEGV")

    copy, following = (await executing.do("queue_get"))["items"]
    assert following["name"] == "scan"
    assert (copy["name"], copy["state"]) == ("count", "held")
    assert "unknown" in copy["hold_reason"]
    assert "SIGSEGV" in copy["hold_reason"]
    assert copy["result"]["run_uids"] == ["run-1"]
    [entry] = (await executing.do("history_get"))["items"]
    assert (entry["item_uid"], entry["result"]["exit_status"]) == (first.item_uid, "unknown")
    assert executing.lane.condition == "held"
    assert executing.status["items_in_queue"] == 2
    assert executing.status["manager_state"] == "idle"
    assert executing.status["worker_environment_state"] == "closed"


async def test_a_destroyed_environment_fails_the_item_and_puts_an_ordinary_copy_in_front(executing):
    await executing.do("environment_destroy")
    assert executing.status["manager_state"] == "destroying_environment"
    assert executing.noted("kill") == [(DEFAULT_LANE, executing.incarnation)]
    await executing.exit("killed by SIGKILL")
    copy = (await executing.do("queue_get"))["items"][0]
    assert (copy["name"], "state" in copy, copy["result"]["exit_status"]) == ("count", False, "failed")
    assert executing.lane.condition == "open"


async def test_an_instruction_to_stop_is_taken_out_and_stops_the_queue(bench):
    await bench.open()
    await bench.add("count")
    await bench.do("queue_item_add", item=INSTRUCTION, **USER)
    await bench.add("scan")
    await bench.do("queue_start")
    await bench.finish()

    assert [item["name"] for item in (await bench.do("queue_get"))["items"]] == ["scan"]
    assert bench.status["manager_state"] == "idle"
    assert bench.status["items_in_history"] == 1
    await bench.do("queue_start")
    assert bench.status["manager_state"] == "starting_queue"


async def test_in_loop_mode_an_instruction_goes_to_the_back_under_a_new_uid(bench):
    await bench.open()
    await bench.do("queue_mode_set", mode={"loop": True})
    added = await bench.do("queue_item_add", item=INSTRUCTION, **USER)
    await bench.add("scan")
    await bench.do("queue_start")

    front, back = (await bench.do("queue_get"))["items"]
    assert (front["name"], back["name"]) == ("scan", "queue_stop")
    assert back["item_uid"] != added["item"]["item_uid"]
    assert bench.status["items_in_queue"] == 2
    assert bench.status["manager_state"] == "idle"


async def test_a_held_item_stops_the_queue_when_it_is_reached(executing):
    [following] = await executing.uids()
    await executing.do("queue_item_hold", uid=following, reason="ask Ada first")
    await executing.finish()
    assert executing.status["manager_state"] == "idle"
    assert (executing.lane.condition, executing.lane.reason) == ("held", "ask Ada first")
    assert await executing.uids() == [following]


async def test_an_empty_queue_starts_and_stops_at_once(bench):
    await bench.open()
    await bench.do("queue_start")
    assert bench.status["manager_state"] == "idle"
    assert bench.sent(Execute) == []


async def test_runs_are_recorded_when_they_open_and_close(executing, store):
    assert (await executing.do("re_runs"))["run_list"] == [
        {"uid": "run-1", "scan_id": 1, "is_open": True, "exit_status": None}
    ]
    await executing.close_run()
    [running] = await store.transact(lambda tx: tx.running())
    assert [run.shown() for run in running.runs] == (await executing.do("re_runs"))["run_list"]
    assert running.runs[0].exit_status == "success"
    assert running.phase == "running"
    assert executing.events()[-2:] == ["run_opened", "run_closed"]


async def test_every_event_carries_the_fencing_token_of_its_attempt(executing):
    await executing.finish()
    events = [event for (event,) in executing.noted("event") if event.kind in ("item_started", "run_opened")]
    first = events[0]
    assert (first.epoch, first.attempt, first.lane) == (1, 1, DEFAULT_LANE)
    assert {event.submission for event in events[:2]} == {first.submission}


async def test_what_is_counted_in_the_state_is_what_the_store_has(executing, store):
    await executing.finish("failed")
    await executing.do("queue_start")
    await executing.finish()
    again = await store.transact(lambda tx: restore(tx, store.epoch, 0.0))
    assert isinstance(again, State)
    assert again.lanes[0].size == executing.lane.size
    assert again.history_size == executing.engine.state.history_size
    assert again.revisions == executing.engine.state.revisions
