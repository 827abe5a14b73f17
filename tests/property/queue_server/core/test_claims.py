"""Claims in every state that two lanes can reach, and in long histories of three: apart, in turn, never forgotten."""

from __future__ import annotations

import random
from collections.abc import Hashable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from queue_server.core import events
from queue_server.core.claims import Busy, are_disjoint, can_begin
from queue_server.core.model import Lane, SharedDevice, State
from queue_server.protocol.errors import RefusedError
from queue_server.protocol.items import AttemptKey
from queue_server.protocol.worker_link import EnvironmentOpened
from tests.property.queue_server.core.faults import find_state_faults, find_step_faults
from tests.property.queue_server.core.moves import Move, exit_of, finish, incarnation_of, open_key, report
from tests.property.queue_server.core.search import Reached, Way, explore
from tests.property.queue_server.core.world import (
    Trace,
    World,
    change_queue,
    make_entry,
    make_world,
    release_head,
    restart,
    take,
)

pytestmark = pytest.mark.timeout(300)

SHARED = (SharedDevice("x", (("a", "x"), ("b", "other_x"))),)
WANTED = {"a": (("x",), ("y",)), "b": (("other_x", "y"), ())}
"""What the items of a lane may claim; nothing means the whole lane."""


def make_lanes(names: str) -> World:
    world = make_world(*(Lane(name) for name in names))
    return World(replace(world.state, shared=SHARED), world.rows)


# --- two lanes, everything that matters for claims at any time ----------------------------------------------------


def list_events(world: World, name: str) -> Iterator[tuple[str, events.Event]]:
    lane = world.state.lane(name)
    yield "exit", exit_of(name)
    yield "start", events.QueueStartRequested(name)
    yield "stop", events.QueueStopRequested(name)
    if lane.attempt is not None:
        for outcome in ("completed", "unknown"):
            yield outcome, report(name, finish(lane.attempt.key, outcome))
    if name == "a":
        yield "destroy", events.EnvironmentDestroyRequested(name, 0.0)
        yield "estop", events.EstopRequested(name, "somebody", "a reason", 5.0)
        yield "recorded", events.EstopRecorded(name)
        yield "reset", events.EstopReset(name)


def list_moves(world: World, name: str) -> Iterator[tuple[str, Move]]:
    for what, event in list_events(world, name):
        yield what, lambda world, event=event: take(world, event)
    yield "open", lambda world: open_lane(world, name)
    queue = world.of(name).queue
    if queue:
        yield "remove", lambda world: change_queue(world, name, queue[1:])
    if queue and queue[0].hold_reason:
        yield "release", lambda world: release_head(world, name)
    for claims in () if queue else WANTED[name]:
        yield "add", lambda world, claims=claims: change_queue(world, name, (make_entry(claims=claims),))


def open_lane(world: World, name: str) -> tuple[World, Trace]:
    world, _ = take(world, events.EnvironmentOpenRequested(name, incarnation_of(name), 0.0))
    return take(world, report(name, EnvironmentOpened(number=1)))


def follow(world: World) -> Iterator[Way[World]]:
    if world.state.phase == "recovering":
        yield from make_way("recovered", world, lambda world: take(world, events.RecoveryFinished()))
    else:
        yield Way("restart", restart(world))
    for name in ("a", "b"):
        for what, move in list_moves(world, name):
            yield from make_way((name, what), world, move)


def make_way(name: object, before: World, move: Move) -> Iterator[Way[World]]:
    try:
        after, trace = move(before)
    except RefusedError:
        return
    faults = find_step_faults(before, after, trace) + find_overtaking(before.state, after.state, trace)
    yield Way(name, after, faults)


def find_overtaking(before: State, after: State, trace: Trace) -> list[str]:
    """Return a sentence for every item that began before one that had waited for longer and claims the same."""
    found = []
    # Until a restarted manager has recovered, it does not look again at a queue that somebody changes.
    for key in trace.claimed if before.phase == "serving" else ():
        now, was = after.lane(key.lane).attempt, before.lane(key.lane).waiting
        for lane in after.lanes:
            waiting, stood = lane.waiting, before.lane(lane.name).waiting
            if (
                now is None
                or now.key != key
                or waiting is None
                or stood is None
                or not can_begin(before.lane(lane.name))
            ):
                continue
            is_later = was is None or was.ticket > stood.ticket
            theirs = Busy(lane.name, waiting.item_uid, waiting.claims)
            if is_later and not are_disjoint(after, Busy(key.lane, key.item_uid, now.claims), theirs):
                found.append(f"an item of the lane {key.lane!r} has overtaken one of the lane {lane.name!r}")
    return found


def look(world: World) -> Hashable:
    first = min((lane.waiting.ticket for lane in world.state.lanes if lane.waiting), default=0)
    return world.state.phase, tuple(look_at_lane(world, lane, first) for lane in world.state.lanes)


def look_at_lane(world: World, lane: Lane, first: int) -> Hashable:
    waiting = lane.waiting and (lane.waiting.claims, lane.waiting.ticket == first)
    queue = tuple((entry.claims, bool(entry.hold_reason)) for entry in world.of(lane.name).queue[:1])
    shown = (lane.worker.environment, lane.queue, lane.condition == "estopped", queue, waiting)
    return *shown, lane.attempt and (lane.attempt.claims,), lane.estop and lane.estop.is_recorded


@pytest.fixture(scope="module")
def reached() -> Reached[World]:
    return explore(make_lanes("ab"), look, follow, find_state_faults)


def test_items_that_claim_the_same_never_run_together_and_no_wait_is_forgotten(reached, show):
    show(f"{len(reached.states)} states of two lanes with claims, {len(reached.ways)} ways")
    assert reached.faults == {}
    waiting = [world for world in reached.states if any(lane.waiting for lane in world.state.lanes)]
    assert len(waiting) > 50
    together = [world for world in reached.states if all(lane.attempt for lane in world.state.lanes)]
    assert {lane.attempt.claims for world in together for lane in world.state.lanes} >= {frozenset({"y"}), None}


def test_a_lane_that_waits_begins_with_the_end_of_what_it_waits_for(reached):
    for world in reached.states:
        for lane in world.state.lanes:
            if lane.waiting is None or not can_begin(lane) or world.state.phase != "serving":
                continue
            (other,) = (each for each in world.state.lanes if each.name != lane.name)
            if other.attempt is None:
                continue  # an emergency stop of it is not recorded yet
            after, trace = take(world, exit_of(other.name))
            assert [key.lane for key in trace.claimed] == [lane.name]
            assert after.state.lane(lane.name).waiting is None


def test_nobody_is_stranded_between_waiting_and_running(reached):
    def is_idle(world: World) -> bool:
        return world.state.phase == "serving" and all(lane.is_idle for lane in world.state.lanes)

    assert reached.stranded(is_idle) == []


# --- three lanes that are never without work ----------------------------------------------------------------------

LANES = "abc"
SETS = st.sets(st.sampled_from("xyz"), min_size=1)
ITEMS = st.fixed_dictionaries({lane: st.lists(SETS, min_size=8, max_size=12) for lane in LANES})


def key_in(world: World, lane: str) -> AttemptKey:
    key = open_key(world.state.lane(lane))
    assert key is not None
    return key


def start_all(items) -> World:
    world = make_lanes(LANES)
    for lane in LANES:
        entries = tuple(make_entry(claims=tuple(sorted(claims))) for claims in items[lane])
        world, _ = change_queue(world, lane, entries)
        world, _ = take(world, events.EnvironmentOpenRequested(lane, incarnation_of(lane), 0.0))
        world, _ = take(world, report(lane, EnvironmentOpened(number=1)))
    return world


@settings(max_examples=40)
@given(ITEMS, st.randoms(use_true_random=False))
def test_everything_runs_in_the_end_apart_and_nobody_is_overtaken(items, chance: random.Random):
    world, begun = start_all(items), 0
    to_start = list(LANES)
    while True:
        before = world
        running = [lane for lane in LANES if world.state.lane(lane).attempt]
        if to_start and (not running or chance.random() < 0.3):
            lane = to_start.pop(chance.randrange(len(to_start)))
            world, trace = take(world, events.QueueStartRequested(lane))
        elif running:
            lane = chance.choice(running)
            world, trace = take(world, report(lane, finish(key_in(world, lane), "completed")))
        else:
            break
        begun += len(trace.claimed)
        assert find_state_faults(world) == []
        assert find_overtaking(before.state, world.state, trace) == []
    assert begun == sum(map(len, items.values()))
    assert all(lane.is_idle for lane in world.state.lanes)


@settings(max_examples=20)
@given(ITEMS, st.randoms(use_true_random=False))
def test_a_restarted_manager_knows_who_holds_what_and_who_waits(items, chance: random.Random):
    world = start_all(items)
    for lane in LANES:
        world, _ = take(world, events.QueueStartRequested(lane))
    for _ in range(10):
        running = [lane for lane in LANES if world.state.lane(lane).attempt]
        again = restart(world)
        for lane in LANES:
            was, now = world.state.lane(lane), again.state.lane(lane)
            assert (was.waiting, was.attempt and was.attempt.claims) == (
                now.waiting,
                now.attempt and now.attempt.claims,
            )
        if not running:
            break
        lane = chance.choice(running)
        key = key_in(world, lane)
        world, _ = take(again, report(lane, finish(key, "completed")))
        world, _ = take(world, events.RecoveryFinished())
        assert find_state_faults(world) == []
