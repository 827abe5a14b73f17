"""Items, runs and results: what clients see of them."""

from __future__ import annotations

from typing import Any

import pytest

from queue_server.protocol.items import OUTCOMES, PUBLIC_KEYS, AttemptKey, Item, Place, Result, Run

CONTENT = {"item_type": "plan", "name": "count", "args": [["det1"]], "item_uid": "u"}
DOCUMENTED_RESULT = {"exit_status", "run_uids", "scan_ids", "time_start", "time_stop", "msg", "traceback"}


def test_an_item_knows_its_kind_and_name():
    item = Item("u", "default", "u", CONTENT)
    assert (item.kind, item.name) == ("plan", "count")
    stop = Item("u", "default", "u", {"item_type": "instruction", "name": "queue_stop"})
    assert (stop.kind, stop.name) == ("instruction", "queue_stop")


def test_an_item_without_kind_is_a_plan_without_a_name():
    item = Item("u", "default", "u", {})
    assert (item.kind, item.name) == ("plan", "")


@pytest.mark.parametrize("state", ["queued", "running", "finished"])
def test_an_item_is_shown_as_clients_know_it(state):
    item = Item("u", "default", "u", CONTENT, state, reason="ignored")
    assert item.shown() == CONTENT
    assert item.shown() is not CONTENT


def test_a_held_item_shows_its_state_and_why():
    item = Item("u", "default", "u", CONTENT, "held", reason="unknown outcome")
    assert item.shown() == {**CONTENT, "state": "held", "hold_reason": "unknown outcome"}


def test_an_item_of_another_lane_shows_which():
    assert Item("u", "b", "u", CONTENT).shown() == {**CONTENT, "lane": "b"}
    assert "lane" not in PUBLIC_KEYS


def test_what_holds_an_item_is_not_among_what_clients_send():
    assert {"state", "hold_reason", "result"}.isdisjoint(PUBLIC_KEYS)


def test_a_new_item_goes_to_the_back_unless_it_is_said_otherwise():
    assert Place() == Place("back")


def test_a_run_shows_the_documented_fields():
    assert Run("r").shown() == {"uid": "r", "scan_id": None, "is_open": True, "exit_status": None}
    closed = Run("r", 5, is_open=False, exit_status="success")
    assert closed.shown() == {"uid": "r", "scan_id": 5, "is_open": False, "exit_status": "success"}


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_a_result_always_has_every_documented_field(outcome):
    shown = Result(outcome, 1.0, 2.0).shown()
    assert set(shown) == DOCUMENTED_RESULT | {"points"}
    assert (shown["exit_status"], shown["run_uids"], shown["scan_ids"]) == (outcome, [], [])
    assert (shown["msg"], shown["traceback"], shown["points"]) == ("", "", 0)


def test_a_result_tells_what_there_was():
    shown = Result("completed", 1.0, 2.0, ("r",), (7,), "done", "none", 12).shown()
    assert (shown["run_uids"], shown["scan_ids"], shown["points"]) == (["r"], [7], 12)
    assert (shown["time_start"], shown["time_stop"], shown["msg"], shown["traceback"]) == (1.0, 2.0, "done", "none")


def test_a_fencing_token_is_a_value():
    key: Any = AttemptKey("item", "submission", "default", 1, 2)
    assert key == AttemptKey("item", "submission", "default", 1, 2)
    assert len({key, AttemptKey("item", "submission", "default", 1, 3)}) == 2
    with pytest.raises(AttributeError):
        key.number = 2
