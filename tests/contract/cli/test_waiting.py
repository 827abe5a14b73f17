"""What --wait waits for, and what it makes of the outcome."""

from __future__ import annotations

import json
import os
import signal

import pytest

CALM = {
    "manager_state": "idle",
    "worker_environment_exists": True,
    "pause_pending": False,
    "running_item_uid": None,
    "items_in_history": 4,
    "plan_queue_uid": "q1",
    "plan_history_uid": "h1",
    "lanes": [{"reason": ""}],
}
ITEM = {"item_type": "plan", "name": "count", "item_uid": "u1"}


def finished(outcome, uid="u1"):
    result = {
        "exit_status": outcome,
        "run_uids": [],
        "time_start": 1.0,
        "time_stop": 2.0,
        "msg": "why",
        "traceback": "",
    }
    return {**ITEM, "item_uid": uid, "result": result}


def test_an_environment_is_awaited_until_it_is_open(cuelight):
    opening = {**CALM, "manager_state": "creating_environment", "worker_environment_exists": False}
    cuelight.go_through(opening, opening, CALM)
    ended = cuelight("env", "open", "--wait")
    assert (ended.code, ended.err) == (0, "The environment is open.\n")


def test_an_environment_that_does_not_open_is_a_failed_operation_with_the_reason(cuelight):
    opening = {**CALM, "manager_state": "creating_environment", "worker_environment_exists": False}
    failed = {**CALM, "worker_environment_exists": False, "lanes": [{"reason": "NameError: x"}]}
    cuelight.go_through(opening, failed)
    ended = cuelight("env", "open", "--wait")
    assert (ended.code, "NameError: x" in ended.err) == (5, True)


def test_what_is_awaited_in_a_lane_is_what_happens_there(cuelight):
    """The lane default and the rest of the status do something else all the time."""
    busy = {**CALM, "manager_state": "executing_queue", "running_item_uid": "other"}
    default = {"lane": "default", "worker_state": "executing_plan", "manager_state": "executing_queue"}

    def told(state, finished):
        lane = {"lane": "b", "worker_state": "idle", "manager_state": state}
        return {**busy, "items_in_history": finished, "lanes": [default, lane]}

    replies = iter([told("idle", 4), told("executing_queue", 5)])
    cuelight.answer("status", lambda _: next(replies, told("idle", 6)))
    ours, theirs = {**finished("completed", "u1"), "lane": "b"}, finished("failed", "other")
    cuelight.answer("history_get", {"items": [ours, theirs]})
    ended = cuelight("queue", "start", "--wait", "--timeout", "0.2", "--lane", "b", "--json")
    assert ended.code == 0, ended.err
    assert ("history_get", {"limit": 2}) in cuelight.requests
    assert [item["item_uid"] for item in json.loads(ended.out)["items"]] == ["u1"]


@pytest.mark.parametrize("words", ["env close", "env destroy --yes"])
@pytest.mark.parametrize(("exists", "code"), [(False, 0), (True, 5)])
def test_an_environment_is_awaited_until_it_is_gone(cuelight, words, exists, code):
    cuelight.go_through({**CALM, "manager_state": "closing_environment"}, {**CALM, "worker_environment_exists": exists})
    assert cuelight(*words.split(), "--wait").code == code


@pytest.mark.parametrize(
    ("end", "said"),
    [({"manager_state": "paused"}, "The plan is paused."), ({"manager_state": "idle"}, "ended before it paused")],
)
def test_a_pause_is_awaited_until_the_plan_rests(cuelight, end, said):
    running = {**CALM, "manager_state": "executing_queue"}
    cuelight.go_through({**running, "pause_pending": True}, running, {**CALM, **end})
    ended = cuelight("pause", "--wait")
    assert (ended.code, said in ended.err) == (0, True)


@pytest.mark.parametrize("verb", ["stop", "abort", "halt"])
def test_the_end_of_a_plan_is_awaited(cuelight, verb):
    cuelight.go_through({**CALM, "running_item_uid": "u1"}, CALM)
    ended = cuelight(verb, "--wait")
    assert (ended.code, ended.err) == (0, "The plan has ended.\n")


def test_a_resumed_plan_is_awaited_until_it_runs(cuelight):
    cuelight.go_through({**CALM, "manager_state": "paused"}, {**CALM, "manager_state": "executing_queue"})
    assert cuelight("resume", "--wait").code == 0


@pytest.mark.parametrize(("outcome", "code"), [("completed", 0), ("stopped", 0), ("failed", 6), ("aborted", 7)])
def test_a_queue_is_awaited_and_its_outcomes_decide_the_exit_code(cuelight, outcome, code):
    replies = iter([{**CALM, "items_in_history": 2}, {**CALM, "manager_state": "executing_queue"}])
    cuelight.answer("status", lambda _: next(replies, CALM))
    cuelight.answer(
        "history_get", lambda params: {"items": [finished("completed"), finished(outcome)][-params["limit"] :]}
    )
    ended = cuelight("queue", "start", "--wait", "--timeout", "0.2", "--json")
    assert ended.code == code
    assert json.loads(ended.out)["items"] == [finished("completed"), finished(outcome)]


def test_a_queue_that_runs_nothing_ends_well(cuelight):
    cuelight.answer("status", CALM)
    ended = cuelight("queue", "start", "--wait")
    assert ended.code == 0
    assert "history_get" not in [method for method, _ in cuelight.requests]


@pytest.mark.parametrize(("outcome", "code"), [("completed", 0), ("failed", 6), ("halted", 7), ("unknown", 6)])
def test_an_added_item_is_awaited_until_it_has_an_outcome(cuelight, outcome, code):
    cuelight.answer("queue_item_add", {"item": ITEM, "qsize": 1})
    queues = iter([{"items": [ITEM]}, {"running_item": ITEM}])
    cuelight.answer("queue_get", lambda _: next(queues, {}))
    histories = iter([{}, {}])
    cuelight.answer("history_get", lambda _: next(histories, {"items": [finished("failed", "old"), finished(outcome)]}))
    cuelight.go_through(CALM, {**CALM, "plan_queue_uid": "q2"}, {**CALM, "plan_history_uid": "h2"})
    ended = cuelight("queue", "add", "count", "--wait", "--field", "items")
    assert ended.code == code, ended.err
    assert json.loads(ended.out) == [finished(outcome)]


def test_an_awaited_item_that_is_removed_is_a_failed_operation(cuelight):
    cuelight.answer("queue_item_add", {"item": ITEM, "qsize": 1})
    cuelight.answer("status", CALM)
    ended = cuelight("queue", "add", "count", "--wait")
    assert (ended.code, "Removed from the queue before it ran: u1" in ended.err) == (5, True)


def test_a_wait_that_takes_too_long_is_a_timeout(cuelight):
    cuelight.answer("status", {**CALM, "manager_state": "creating_environment"})
    ended = cuelight("env", "open", "--wait", "--timeout", "0.1")
    assert (ended.code, "did not reach the awaited state" in ended.err) == (8, True)


def test_ctrl_c_stops_the_waiting_and_nothing_else(cuelight):
    def interrupt(_):
        os.kill(os.getpid(), signal.SIGINT)
        return {**CALM, "manager_state": "creating_environment"}

    cuelight.answer("status", interrupt)
    ended = cuelight("env", "open", "--wait")
    assert ended.code == 130
    assert "nothing was stopped" in ended.err
    assert [method for method, _ in cuelight.requests] == ["environment_open", "status"]
