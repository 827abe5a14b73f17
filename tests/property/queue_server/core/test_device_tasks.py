"""What a task moves, in every state that two lanes can reach with it: nobody else has the device meanwhile."""

from __future__ import annotations

from collections.abc import Hashable, Iterator

import pytest
from msgspec.structs import replace

from queue_server.core import events
from queue_server.core.claims import can_begin
from queue_server.core.model import Lane, SharedDevice
from queue_server.protocol.errors import RefusedError
from queue_server.protocol.tasks import Task, TaskKind
from queue_server.protocol.worker_link import EnvironmentOpened, TaskFinished
from tests.property.queue_server.core.faults import find_state_faults, find_step_faults
from tests.property.queue_server.core.moves import Move, exit_of, finish, hello, incarnation_of, report
from tests.property.queue_server.core.search import Reached, Way, explore
from tests.property.queue_server.core.world import World, change_queue, make_entry, make_world, restart, take

pytestmark = pytest.mark.timeout(300)

SHARED = (SharedDevice("x", (("a", "x"), ("b", "other_x"))),)
# Of the lane a: a device of its own, as people list it, and everything.
WANTED = {"a": (("m",), ()), "b": (("other_x",),)}
DEVICES = {"a": ("x", "a/m"), "b": ("x",)}


def make_task(lane: str, device: str, kind: TaskKind = "device_set") -> events.TaskRequested:
    return events.TaskRequested(Task(f"{kind} {lane} {device}", lane, kind, True, 0.0, {}, device))


def end_task(task: Task) -> events.Event:
    return report(task.lane, TaskFinished(number=1, task_uid=task.uid, success=True, time_start=0.0, time_stop=1.0))


def list_events(world: World, name: str) -> Iterator[tuple[str, events.Event]]:
    lane = world.state.lane(name)
    yield "start", events.QueueStartRequested(name)
    if lane.attempt is not None:
        yield "end", report(name, finish(lane.attempt.key, "completed"))
    for device in DEVICES[name]:
        if all(task.device != device for task in lane.tasks):
            yield f"set {device}", make_task(name, device)
    for task in lane.tasks:
        yield f"end of {task.uid}", end_task(task)
    if name == "a":
        yield "exit", exit_of(name)
        yield "close", events.EnvironmentCloseRequested(name, 0.0)
        yield "estop", events.EstopRequested(name, "somebody", "a reason", 5.0)
        yield "recorded", events.EstopRecorded(name)
    if name == "a" and lane.tasks:
        yield "lost", hello(name, lane.attempt.key if lane.attempt else None)


def list_moves(world: World, name: str) -> Iterator[tuple[str, Move]]:
    for what, event in list_events(world, name):
        yield what, lambda world, event=event: take(world, event)
    yield "open", lambda world: open_lane(world, name)
    for claims in () if world.of(name).queue else WANTED[name]:
        yield "add", lambda world, claims=claims: change_queue(world, name, (make_entry(claims=claims),))


def open_lane(world: World, name: str):
    world, _ = take(world, events.EnvironmentOpenRequested(name, incarnation_of(name), 0.0))
    return take(world, report(name, EnvironmentOpened(number=1)))


def follow(world: World) -> Iterator[Way[World]]:
    moves: list[tuple[object, Move]] = [
        ((name, what), move) for name in ("a", "b") for what, move in list_moves(world, name)
    ]
    if world.state.phase == "recovering":
        moves.append(("recovered", lambda world: take(world, events.RecoveryFinished())))
    else:
        yield Way("restart", restart(world))
    for name, move in moves:
        try:
            after, trace = move(world)
        except RefusedError:
            continue
        yield Way(name, after, find_step_faults(world, after, trace) + find_meetings(after))


def find_meetings(world: World) -> list[str]:
    """Return a sentence for each device that a task moves and something else has, told by the names alone."""
    found = []
    moved = [(task.device, task.uid) for lane in world.state.lanes for task in lane.tasks]
    if len({device for device, _ in moved}) < len(moved):
        found.append("two tasks move one device")
    for lane in world.state.lanes:
        if lane.attempt is None:
            continue
        claims = lane.attempt.claims
        # What is claimed with the lane as a whole, and a device of it by the name that it has there.
        had = {"x", f"{lane.name}/m"} if claims is None else {*claims, *(f"{lane.name}/{name}" for name in claims)}
        found += [f"an item of {lane.name} runs beside {uid}" for device, uid in moved if device in had]
    return found


def look(world: World) -> Hashable:
    first = min((lane.waiting.ticket for lane in world.state.lanes if lane.waiting), default=0)
    return world.state.phase, tuple(look_at_lane(world, lane, first) for lane in world.state.lanes)


def look_at_lane(world: World, lane: Lane, first: int) -> Hashable:
    queue = tuple((entry.claims, bool(entry.hold_reason)) for entry in world.of(lane.name).queue[:1])
    moved = frozenset(task.device for task in lane.tasks)
    waiting = lane.waiting and (lane.waiting.claims, lane.waiting.ticket == first)
    shown = (lane.worker.environment, lane.queue, lane.condition, queue, moved, waiting)
    return *shown, lane.attempt and (lane.attempt.claims,), lane.estop and lane.estop.is_recorded


@pytest.fixture(scope="module")
def reached() -> Reached[World]:
    world = make_world(Lane("a"), Lane("b"))
    return explore(World(replace(world.state, shared=SHARED), world.rows), look, follow, find_state_faults)


def test_nothing_that_runs_has_a_device_that_a_task_moves(reached, show):
    show(f"{len(reached.states)} states of two lanes with tasks that move devices, {len(reached.ways)} ways")
    assert reached.faults == {}
    beside = [world for world in reached.states if world.state.lanes[0].attempt and world.state.lanes[0].tasks]
    assert {task.device for world in beside for task in world.state.lanes[0].tasks} == {"x"}


def test_an_item_that_waits_for_a_task_begins_when_that_has_ended(reached):
    begun = set()
    for world in reached.states:
        tasks = [task for lane in world.state.lanes for task in lane.tasks]
        waiting = [lane for lane in world.state.lanes if lane.waiting is not None and can_begin(lane)]
        others = [lane for lane in world.state.lanes if lane.attempt is not None or lane.estop is not None]
        if len(tasks) != 1 or len(waiting) != 1 or others or world.state.phase != "serving":
            continue
        after, trace = take(world, end_task(tasks[0]))
        assert [key.lane for key in trace.claimed] == [waiting[0].name]
        assert after.state.lane(waiting[0].name).attempt is not None
        begun.add((tasks[0].lane, waiting[0].name))
    assert begun == {("a", "a"), ("a", "b"), ("b", "a"), ("b", "b")}
