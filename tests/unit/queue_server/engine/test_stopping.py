"""Around an emergency stop: what must not leave any more, and when its answer is complete."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from queue_server.core.effects import Dispatch, KillWorker, Send
from queue_server.core.events import OrdersWithheld
from queue_server.core.model import Attempt, Estop, Lane, State, Worker
from queue_server.engine.stopping import has_answered, hold_back, is_recorded
from queue_server.protocol.items import AttemptKey, Item
from queue_server.protocol.worker_link import Close, RunTask

NOW = 7.0
KEY = AttemptKey("i", "s", "default", 1, 1)
ITEM = Item("i", "default", "s", {"name": "count"})
DISPATCH = Dispatch(KEY, ITEM)
TASK = Send("w-1", RunTask(task_uid="t", task="function", in_background=True, content={"name": "f"}))
OPEN = State(epoch=1, lanes=(Lane(worker=Worker("open", "w-1")), Lane("other", Worker("open", "w-2"))))
LATCHED = OPEN.with_lane(replace(OPEN.lane("default"), condition="estopped", reason="smoke", estop=Estop("anna", 1.0)))


def test_without_a_latch_every_order_leaves():
    assert hold_back(OPEN, OPEN, [DISPATCH, TASK], NOW) == ([DISPATCH, TASK], [])


def test_a_new_attempt_does_not_leave_for_a_latched_lane():
    assert hold_back(LATCHED, OPEN, [DISPATCH], NOW) == ([], [OrdersWithheld("default", KEY, (), NOW)])


def test_an_attempt_that_was_open_before_is_not_sent_again_and_stays_open():
    before = OPEN.with_lane(replace(OPEN.lane("default"), queue="running", attempt=Attempt(KEY, 1.0)))
    assert hold_back(LATCHED, before, [DISPATCH], NOW) == ([], [])


def test_a_task_does_not_leave_for_a_latched_lane():
    assert hold_back(LATCHED, OPEN, [TASK], NOW) == ([], [OrdersWithheld("default", None, ("t",), NOW)])


def test_what_starts_nothing_leaves_for_a_latched_lane():
    orders = [Send("w-1", Close()), KillWorker("default", "w-1")]
    assert hold_back(LATCHED, OPEN, orders, NOW) == (orders, [])


def test_orders_for_other_lanes_leave_in_their_order():
    elsewhere = [
        Dispatch(AttemptKey("i", "s", "other", 1, 1), replace(ITEM, lane="other")),
        Send("w-2", RunTask(task_uid="u", task="function", in_background=True, content={"name": "f"})),
    ]
    assert hold_back(LATCHED, OPEN, [elsewhere[0], DISPATCH, elsewhere[1]], NOW)[0] == elsewhere


@pytest.mark.parametrize(
    ("answer", "answered"),
    [("awaited", False), ("reported", True), ("silent", True), ("killed", True), ("none", True)],
)
def test_a_lane_has_answered_when_nothing_more_is_awaited(answer, answered):
    lane = replace(LATCHED.lane("default"), estop=Estop("anna", 1.0, answer=answer))
    assert has_answered(lane) is answered


def test_a_lane_that_was_released_is_past_its_answer_and_its_record():
    assert has_answered(OPEN.lane("default"))
    assert is_recorded(OPEN.lane("default"))


def test_a_latch_is_recorded_when_it_is_committed():
    lane = LATCHED.lane("default")
    assert not is_recorded(lane)
    assert lane.estop is not None
    assert is_recorded(replace(lane, estop=replace(lane.estop, is_recorded=True)))
