"""What an item waits for that comes after others, and when that would be in vain."""

from __future__ import annotations

import pytest

from queue_server.core.after import Predecessor, Verdict, ask_followers, describe, judge
from queue_server.core.effects import ClaimNext
from queue_server.core.events import HistoryChanged, ItemBlocked, QueueChanged
from queue_server.core.machine import step
from queue_server.core.model import Awaited, Lane, State, Waiting, Worker
from queue_server.core.view import lane_status
from queue_server.protocol.errors import StateError
from queue_server.protocol.items import Item, ItemState

OPEN = Worker(environment="open", incarnation="w")


def item(uid, lane="b", state: ItemState = "queued"):
    return Item(uid, lane, f"submission of {uid}", {}, state)


def waiting(name, *after, is_asked=False, ticket=1):
    """Return a lane whose head comes after items, which are given as pairs of uid and lane."""
    awaited = tuple(Awaited(*each) for each in after)
    return Lane(name, OPEN, queue="starting", size=1, waiting=Waiting("head", None, 7.0, ticket, is_asked, awaited))


def place(state, name):
    """Return what a lane waits for."""
    waiting = state.lane(name).waiting
    assert waiting is not None
    return waiting


def state_of(*lanes):
    return State(epoch=1, phase="serving", lanes=lanes)


FREE = state_of(Lane("a", OPEN), Lane("b", OPEN), Lane("c", OPEN))


def test_what_is_completed_is_not_waited_for():
    assert judge(FREE, "a", [Predecessor("x", is_completed=True)]) == Verdict()
    assert judge(FREE, "a", []) == Verdict()


@pytest.mark.parametrize(
    ("states", "is_held"), [(("queued",), False), (("running",), False), (("held",), True), (("held", "queued"), False)]
)
def test_what_lives_is_waited_for_and_told_to_be_held_if_all_of_it_is(states, is_held):
    living = tuple(item(f"x{number}", state=state) for number, state in enumerate(states))
    assert judge(FREE, "a", [Predecessor("x", living=living)]) == Verdict((Awaited("x", "b", is_held),))


@pytest.mark.parametrize(
    ("predecessor", "said"),
    [
        (Predecessor("x"), "not in a queue and not in the history any more"),
        (Predecessor("x", outcome="failed"), "ended as 'failed', and no copy of it is left"),
        (Predecessor("x", living=(item("x", "a"),)), "stands behind it in its own lane"),
        (Predecessor("x", living=(item("x", "a", "held"),)), "stands behind it in its own lane"),
    ],
)
def test_what_would_be_waited_for_in_vain_is_an_obstacle(predecessor, said):
    verdict = judge(FREE, "a", [Predecessor("w", living=(item("w"),)), predecessor])
    assert verdict.awaited == ()
    assert said in verdict.obstacle
    assert "the item x" in verdict.obstacle


def test_lanes_that_wait_for_one_another_by_way_of_others_are_found():
    state = state_of(Lane("a", OPEN), waiting("b", ("y", "c")), waiting("c", ("z", "a")))
    assert (
        "itself waits for items of the lane 'a'" in judge(state, "a", [Predecessor("x", living=(item("x"),))]).obstacle
    )
    apart = state_of(Lane("a", OPEN), waiting("b", ("y", "c")), waiting("c", ("z", "b")))
    verdict = judge(apart, "a", [Predecessor("x", living=(item("x"),))])
    assert verdict == Verdict((Awaited("x", "b"),))


def test_a_lane_that_is_asked_for_just_now_may_wait_for_nothing_any_more():
    state = state_of(Lane("a", OPEN), waiting("b", ("y", "a"), is_asked=True))
    verdict = judge(state, "a", [Predecessor("x", living=(item("x"),))])
    assert verdict == Verdict((Awaited("x", "b"),))


def test_those_are_asked_for_who_wait_for_items_of_a_lane():
    state = state_of(Lane("a", OPEN), waiting("b", ("x", "a")), waiting("c", ("x", "d"), ("y", "a")), waiting("d"))
    after, asked = ask_followers(state, "a")
    assert asked == (ClaimNext("b"), ClaimNext("c"))
    assert [place(after, name).is_asked for name in "bcd"] == [True, True, False]
    assert ask_followers(after, "a") == (after, ())
    assert ask_followers(state, "d")[1] == (ClaimNext("c"),)
    assert ask_followers(state)[1] == asked


def test_a_change_of_a_queue_or_of_an_entry_of_the_history_asks_and_a_new_entry_does_not():
    state = state_of(Lane("a", OPEN, size=1), waiting("b", ("x", "a")))
    assert ClaimNext("b") in step(state, QueueChanged("a", -1)).effects
    assert step(state, HistoryChanged(0)).effects == (ClaimNext("b"),)
    assert step(state, HistoryChanged(1)).effects == ()


def test_who_waits_for_items_stands_in_no_line_and_gets_a_new_place_when_it_waits_for_devices():
    claims = frozenset({"x"})
    state = state_of(Lane("a", OPEN, size=1), waiting("b", ("y", "c")), Lane("c", OPEN))
    state = step(state, ItemBlocked("a", "u", claims, 8.0, after=(Awaited("y", "c"),))).state
    assert [place(state, name).ticket for name in "ab"] == [2, 1]
    state = step(state, ItemBlocked("b", "head", claims, 9.0)).state
    assert (place(state, "b").ticket, place(state, "b").since) == (3, 9.0)


def test_an_item_that_was_to_run_at_once_is_refused():
    state = state_of(Lane("a", OPEN, queue="starting", size=1), Lane("b", OPEN))
    with pytest.raises(StateError, match="has to wait for the item x of the lane 'b' to be completed"):
        step(state, ItemBlocked("a", "u", None, 1.0, is_immediate=True, after=(Awaited("x", "b"),)))


def test_the_status_of_the_lane_says_what_is_waited_for():
    state = state_of(waiting("a", ("x", "b"), ("y", "b", True)), Lane("b"))
    shown = lane_status(state, state.lane("a"))
    assert shown["comes_after"] == [
        {"item_uid": "x", "lane": "b", "is_held": False},
        {"item_uid": "y", "lane": "b", "is_held": True},
    ]
    assert shown["waiting_for"] == "; ".join(map(describe, place(state, "a").after))
    assert shown["waiting_for"].endswith("the item y of the lane 'b' to be completed (it is held)")
    assert (shown["claimed_by"], shown["waiting_since"]) == ([], 7.0)
