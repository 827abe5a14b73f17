"""Items that come after others, in every state that two lanes can reach: in order, never in vain, never forgotten."""

from __future__ import annotations

from collections.abc import Hashable, Iterator

import pytest
from msgspec.structs import replace

from queue_server.core import events
from queue_server.core.claims import can_begin
from queue_server.core.model import Lane, State
from queue_server.protocol.errors import RefusedError
from queue_server.protocol.worker_link import EnvironmentOpened
from tests.property.queue_server.core.faults import find_state_faults, find_step_faults
from tests.property.queue_server.core.moves import Move, exit_of, finish, incarnation_of, report
from tests.property.queue_server.core.search import Reached, Way, explore
from tests.property.queue_server.core.world import (
    Entry,
    Trace,
    World,
    change_queue,
    make_world,
    release_head,
    restart,
    take,
)

pytestmark = pytest.mark.timeout(300)

AFTER = {"p": (), "a": ("q",), "q": (), "b": ("p",)}
"""What comes after what."""
LANES = {"a": "pa", "b": "qb"}
"""What is added to which lane."""


def entry_of(submission: str) -> Entry:
    return Entry(f"item of {submission}", submission, after=AFTER[submission])


def follow(world: World) -> Iterator[Way[World]]:
    if world.state.phase == "recovering":
        yield from make_way("recovered", world, lambda world: take(world, events.RecoveryFinished()))
    else:
        yield Way("restart", restart(world))
    for name in LANES:
        for what, move in list_moves(world, name):
            yield from make_way((name, what), world, move)


def make_way(name: object, before: World, move: Move) -> Iterator[Way[World]]:
    try:
        after, trace = move(before)
    except RefusedError:
        return
    yield Way(name, after, find_step_faults(before, after, trace) + find_disorder(after, trace))


def list_moves(world: World, name: str) -> Iterator[tuple[str, Move]]:
    lane = world.state.lane(name)
    yield "start", lambda world: take(world, events.QueueStartRequested(name))
    if name == "a":
        yield "open", lambda world: open_lane(world, name)
        yield "exit", lambda world: take(world, exit_of(name))
    if lane.attempt is not None:
        for outcome in ("completed", "failed"):
            end = report(name, finish(lane.attempt.key, outcome))
            yield outcome, lambda world, end=end: take(world, end)
    yield from list_edits(world, name)


def list_edits(world: World, name: str) -> Iterator[tuple[str, Move]]:
    lane, queue = world.state.lane(name), world.of(name).queue
    if queue:
        yield "remove", lambda world: change_queue(world, name, queue[1:])
    if len(queue) > 1:
        yield "swap", lambda world: change_queue(world, name, (*queue[1:], queue[0]))
    if queue and queue[0].hold_reason:
        yield "release", lambda world: release_head(world, name)
        yield "resolve", lambda world: resolve_head(world, name)
    for submission in LANES[name] if lane.attempt is None else ():
        if not world.living(submission) and submission not in world.completed:
            yield f"add {submission}", lambda world, one=submission: change_queue(world, name, (*queue, entry_of(one)))


def open_lane(world: World, name: str) -> tuple[World, Trace]:
    world, _ = take(world, events.EnvironmentOpenRequested(name, incarnation_of(name), 0.0))
    return take(world, report(name, EnvironmentOpened(number=1)))


def resolve_head(world: World, name: str) -> tuple[World, Trace]:
    """Return the world in which a person has found out that what the held copy is of was completed."""
    head, *rest = world.of(name).queue
    world = replace(world, completed=world.completed | {head.submission})
    world, first = take(world, events.HistoryChanged(0))
    world, trace = change_queue(world, name, tuple(rest))
    world, last = take(world, events.HoldReleased(name))
    trace.claimed[:] = [*first.claimed, *trace.claimed, *last.claimed]
    trace.orders[:] = [*first.orders, *trace.orders, *last.orders]
    return world, trace


def find_disorder(after: World, trace: Trace) -> list[str]:
    """Return a sentence for every item that began before what it comes after was completed."""
    return [
        f"{key.submission} began before {submission} was completed"
        for key in trace.claimed
        for submission in AFTER[key.submission]
        if submission not in after.completed
    ]


def judge(world: World) -> list[str]:
    found = find_state_faults(world)
    for lane in world.state.lanes:
        waiting = lane.waiting
        if waiting is None or not can_begin(lane) or world.state.phase != "serving":
            continue
        head = world.of(lane.name).queue[0]
        lacking = [each for each in head.after if each not in world.completed]
        if [each.item_uid for each in waiting.after] != lacking:
            found.append(f"{head.submission} waits for {waiting.after}, and what is not completed is {lacking}")
        found += [f"it waits in vain for {each}" for each in lacking if not world.living(each)]
        for awaited in waiting.after:
            living = world.living(awaited.item_uid)
            if awaited.is_held != all(item.state == "held" for item in living):
                found.append(f"it is told otherwise whether {awaited.item_uid} is held")
            if (
                living
                and living[0].lane in (lane.name, *awaited_by(world.state, living[0].lane))
                and is_in_vain(world.state, lane.name)
            ):
                found.append("lanes wait for one another")
    return found


def awaited_by(state: State, name: str) -> set[str]:
    waiting = state.lane(name).waiting
    return {each.lane for each in waiting.after} if waiting else set()


def is_in_vain(state: State, name: str) -> bool:
    """Whether a lane waits for itself by way of others."""
    return any(name == other or name in awaited_by(state, other) for other in awaited_by(state, name))


def look(world: World) -> Hashable:
    lanes = tuple(look_at_lane(world, lane) for lane in world.state.lanes)
    return world.state.phase, world.completed, lanes


def look_at_lane(world: World, lane: Lane) -> Hashable:
    waiting = lane.waiting and lane.waiting.after
    queue = tuple((entry.submission, bool(entry.hold_reason)) for entry in world.of(lane.name).queue)
    attempt = lane.attempt and lane.attempt.key.submission
    return lane.worker.environment, lane.queue, lane.condition, queue, waiting, attempt


@pytest.fixture(scope="module")
def reached() -> Reached[World]:
    world, _ = open_lane(make_world(*(Lane(name) for name in LANES)), "b")
    return explore(world, look, follow, judge)


def test_nothing_begins_before_what_it_comes_after_and_nothing_waits_in_vain(reached, show):
    show(f"{len(reached.states)} states of two lanes with items that come after others, {len(reached.ways)} ways")
    assert reached.faults == {}
    heads = [lane.waiting for world in reached.states for lane in world.state.lanes if lane.waiting]
    assert {each.item_uid for waiting in heads for each in waiting.after} == {"p", "q"}
    reasons = [entry.hold_reason for world in reached.states for rows in world.rows for entry in rows.queue]
    for text in ("no copy of it is left", "itself waits for items of the lane"):
        assert any(text in reason for reason in reasons)


def test_nobody_is_stranded_between_waiting_and_running(reached):
    def is_over(world: World) -> bool:
        return world.state.phase == "serving" and len(world.completed) == len(AFTER)

    assert reached.stranded(is_over) == []
