"""Random histories of two lanes: whatever happens in whatever order, the promises hold at every step."""

from __future__ import annotations

import random
from copy import deepcopy

from hypothesis import given, settings
from hypothesis import strategies as st

from queue_server.core import events
from queue_server.core.machine import step
from queue_server.core.model import Lane
from queue_server.core.view import status_of
from queue_server.protocol.errors import RefusedError
from queue_server.protocol.items import OUTCOMES, AttemptKey
from queue_server.protocol.status import DOCUMENTED_KEYS
from queue_server.protocol.worker_link import EnvironmentOpened
from tests.faults.tiers import rounds
from tests.property.queue_server.core.faults import find_state_faults, find_step_faults
from tests.property.queue_server.core.moves import (
    Move,
    incarnation_of,
    list_attempt_events,
    list_cancellations,
    list_edits,
    list_requests,
    list_side_requests,
    list_stop_events,
    list_worker_events,
    open_key,
    report,
)
from tests.property.queue_server.core.world import (
    Trace,
    World,
    change_queue,
    make_entry,
    make_world,
    mark,
    restart,
    take,
)

LANES = ("default", "b")
INSTANCE = "5b0c31f2-6d0e-4c54-9d65-1a7d2a3a4f10"
KINDS = ("plan", "plan", "instruction")

# Which lane, and which of the moves that there are: large numbers pick by remainder.
PICKS = st.lists(st.tuples(st.sampled_from(LANES), st.integers(0, 10_000)), min_size=10, max_size=80)
POLICIES = st.sampled_from(("front", "hold"))


class History:
    """A world, and everything that was ever dispatched and finished in it; it begins with two running plans."""

    def __init__(self, policy) -> None:
        self.world = make_world(*(Lane(name, on_failure=policy) for name in LANES))
        self.claimed: list[AttemptKey] = []
        self.finished: list[AttemptKey] = []
        for lane in LANES:
            self.make(lambda world, lane=lane: change_queue(world, lane, (make_entry(), make_entry())))
            for event in (
                events.EnvironmentOpenRequested(lane, incarnation_of(lane), 0.0),
                report(lane, EnvironmentOpened(number=1)),
                events.QueueStartRequested(lane),
            ):
                self.make(lambda world, event=event: take(world, event))

    def moves(self, lane: str) -> list[Move]:
        """Return everything that can be tried; what fits comes more often than what does not."""
        happening = [
            *list_requests(lane),
            events.QueueStartRequested(lane),
            events.EnvironmentOpenRequested(lane, f"worker of {lane}", 0.0),
            events.RecoveryFinished(),
            events.WorkerAnswering(lane, f"worker of {lane}", answering=False),
            events.CatalogChanged(plans=True, devices=False),
            *list_side_requests(lane),
            *list_stop_events(self.world.state.lane(lane)),
            *list_cancellations(self.world.state.lane(lane)),
            events.EstopReset(lane),
            *2 * list_worker_events(self.world.state.lane(lane)),
            *(event for late in self.claimed[-3:] for event in list_attempt_events(lane, late)[:6]),
        ]
        moves: list[Move] = [lambda world, event=event: take(world, event) for event in happening]
        moves += [edit for _, edit in list_edits(self.world, lane, most=4, kinds=KINDS)]
        return [*moves, lambda world: (restart(world), Trace())]

    def make(self, move: Move) -> Trace:
        """Make a move and check everything; return an empty trace where it is refused."""
        before, seen = self.world, mark(self.world)
        try:
            self.world, trace = move(before)
        except RefusedError:
            assert mark(before) == seen, "a refused event has changed the state"
            return Trace()
        assert mark(before) == seen, "a step has changed the state that it began with"
        assert find_state_faults(self.world) == []
        assert find_step_faults(before, self.world, trace) == []
        self.claimed += trace.claimed
        self.finished += [end.key for end in trace.finished]
        return trace


@settings(max_examples=rounds(30, 60))
@given(POLICIES, PICKS)
def test_every_attempt_is_dispatched_for_one_key_and_finished_at_most_once(policy, picks):
    history = History(policy)
    for lane, pick in picks:
        moves = history.moves(lane)
        history.make(moves[pick % len(moves)])
    assert len(set(history.claimed)) == len(history.claimed)
    assert len({(key.submission, key.number) for key in history.claimed}) == len(history.claimed)
    assert len(set(history.finished)) == len(history.finished)
    open_keys = {open_key(lane) for lane in history.world.state.lanes} - {None}
    assert set(history.finished) | open_keys == set(history.claimed)


@settings(max_examples=rounds(10, 20))
@given(POLICIES, PICKS)
def test_what_happens_in_one_lane_leaves_the_others_alone(policy, picks):
    history = History(policy)
    for lane, pick in picks:
        other = next(name for name in LANES if name != lane)
        before = history.world
        moves = history.moves(lane)
        trace = history.make(moves[pick % len(moves)])
        # The end of the manager and its recovery concern all lanes.
        if before.state.phase == history.world.state.phase == "serving":
            assert history.world.state.lane(other) == before.state.lane(other)
            assert history.world.of(other) == before.of(other)
            assert all(key.lane == lane for key in trace.claimed)


@settings(max_examples=rounds(10, 20))
@given(POLICIES, PICKS)
def test_what_bluesky_clients_see_does_not_change_with_what_happens_in_other_lanes(policy, picks):
    """Apart from what all lanes share: the history, and the uids that clients compare."""
    history = History(policy)
    for lane, pick in picks:
        before = history.world
        moves = history.moves(lane)
        history.make(moves[pick % len(moves)])
        if lane == "default" or not before.state.phase == history.world.state.phase == "serving":
            continue
        was, now = (status_of(world.state, INSTANCE, "name") for world in (before, history.world))
        changed = {name for name in DOCUMENTED_KEYS if was[name] != now[name]}
        assert {name for name in changed if not name.endswith("_uid")} <= {"items_in_history"}
        assert (was["lanes"][0], was["lock"]) == (now["lanes"][0], now["lock"])


@settings(max_examples=rounds(10, 20))
@given(POLICIES, PICKS)
def test_the_same_events_lead_to_the_same_state(policy, picks):
    """A step depends on nothing but its state and its event."""
    history = History(policy)
    for lane, pick in picks:
        happening = list_worker_events(history.world.state.lane(lane)) + list_requests(lane)
        event = happening[pick % len(happening)]
        assert attempt(history.world, event) == attempt(history.world, event)
        moves = history.moves(lane)
        history.make(moves[pick % len(moves)])


def attempt(world: World, event: events.Event) -> object:
    try:
        return step(world.state, event)
    except RefusedError as error:
        return type(error), str(error)


@settings(max_examples=rounds(10, 20))
@given(POLICIES, PICKS)
def test_equal_states_look_equal_and_what_clients_compare_changes_with_what_they_cache(policy, picks):
    history = History(policy)
    for lane, pick in picks:
        before = history.world
        moves = history.moves(lane)
        history.make(moves[pick % len(moves)])
        was, now = (status_of(world.state, INSTANCE, "name") for world in (before, history.world))
        assert now == status_of(deepcopy(history.world.state), INSTANCE, "name")
        if now["items_in_history"] != was["items_in_history"]:
            assert now["plan_history_uid"] != was["plan_history_uid"]
        if now["items_in_queue"] != was["items_in_queue"] or now["running_item_uid"] != was["running_item_uid"]:
            assert now["plan_queue_uid"] != was["plan_queue_uid"]


def test_random_histories_reach_what_they_are_to_test():
    """Guards the moves above: they must not spend themselves on refusals."""
    chance, reached, history = random.Random(1), set(), History("front")
    for _ in range(2500):
        lane = chance.choice(LANES)
        trace = history.make(chance.choice(history.moves(lane)))
        reached |= {end.result.outcome for end in trace.finished} | {f"copy {end.copy}" for end in trace.finished}
        if history.world.state.phase == "stopped":
            history = History(chance.choice(("front", "hold")))
    assert reached == {*OUTCOMES, "copy none", "copy back", "copy front", "copy held"}
