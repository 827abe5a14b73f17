"""A manager in small: the real core, and rows that answer its effects as a store does.

Every value is frozen, so that a search can keep thousands of worlds; ``take`` applies one event and everything that
follows from it inside the same transaction, and raises AssertionError where the core orders what no store would do.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from queue_server.core import effects, events
from queue_server.core.after import Predecessor, judge
from queue_server.core.claims import claims_of, find_holders
from queue_server.core.machine import step
from queue_server.core.model import Lane, State
from queue_server.engine.recovery import apply_policies, durable_part, restore
from queue_server.protocol.items import AttemptKey, FailurePolicy, Item, Run
from queue_server.protocol.tasks import Task
from queue_server.storage.base import RunningItem

_counter = itertools.count(1)


class Entry(Struct, frozen=True):
    """One item of a queue: a plan or an instruction, held or not; ``attempts`` are those of its submission.

    It comes ``after`` submissions.
    """

    uid: str
    submission: str
    kind: str = "plan"
    hold_reason: str = ""
    attempts: int = 0
    is_immediate: bool = False
    claims: tuple[str, ...] = ()
    after: tuple[str, ...] = ()

    def as_item(self, lane: str) -> Item:
        """Return the item as the core sees it."""
        content: dict[str, Any] = {"item_type": self.kind, "name": "some", "item_uid": self.uid}
        if self.is_immediate:
            content["properties"] = {"immediate_execution": True}
        if self.claims:
            content["claims"] = list(self.claims)
        return Item(self.uid, lane, self.submission, content, "held" if self.hold_reason else "queued")

    def copy(self, *, attempts: int, hold_reason: str = "") -> Entry:
        """Return a new item of the same submission."""
        copied = replace(self, uid=f"item{next(_counter)}", hold_reason=hold_reason, attempts=attempts)
        return replace(copied, is_immediate=False)


def make_entry(
    kind: str = "plan", hold_reason: str = "", *, is_immediate: bool = False, claims: tuple[str, ...] = ()
) -> Entry:
    """Return an item of a new submission."""
    number = next(_counter)
    return Entry(f"item{number}", f"submission{number}", kind, hold_reason, 0, is_immediate, claims)


class Row(Struct, frozen=True):
    """What the store knows of an open attempt."""

    key: AttemptKey
    entry: Entry
    phase: Any = "dispatched"
    runs: tuple[Run, ...] = ()


class Rows(Struct, frozen=True):
    """What the store knows of one lane."""

    queue: tuple[Entry, ...] = ()
    running: Row | None = None
    tasks: tuple[Task, ...] = ()


class World(Struct, frozen=True):
    """The state of the manager, the rows of its lanes in the same order, and the submissions that were completed."""

    state: State
    rows: tuple[Rows, ...]
    completed: frozenset[str] = frozenset()

    def of(self, lane: str) -> Rows:
        """Return the rows of a lane."""
        return self.rows[self._index(lane)]

    def with_rows(self, lane: str, changed: Rows) -> World:
        """Return this world with the rows of one lane replaced."""
        index = self._index(lane)
        return replace(self, rows=(*self.rows[:index], changed, *self.rows[index + 1 :]))

    def living(self, submission: str) -> tuple[Item, ...]:
        """Return the items of a submission that have not ended."""
        names = [lane.name for lane in self.state.lanes]
        waiting = [(name, entry) for name, rows in zip(names, self.rows, strict=True) for entry in rows.queue]
        running = [(rows.running.key.lane, rows.running.entry) for rows in self.rows if rows.running is not None]
        return tuple(entry.as_item(name) for name, entry in waiting + running if entry.submission == submission)

    def _index(self, lane: str) -> int:
        return next(index for index, each in enumerate(self.state.lanes) if each.name == lane)


class Trace(Struct):
    """What an event has led to: orders that leave, attempts claimed and sent again, attempts ended."""

    orders: list[effects.OuterEffect] = field(default_factory=list)
    claimed: list[AttemptKey] = field(default_factory=list)
    again: list[AttemptKey] = field(default_factory=list)
    finished: list[effects.FinishAttempt] = field(default_factory=list)

    @property
    def dispatched(self) -> list[AttemptKey]:
        """The attempts that are sent to a worker."""
        return [order.key for order in self.orders if isinstance(order, effects.Dispatch)]


def mark(world: World) -> int:
    """Return a number that differs between worlds that differ; tasks count by their uids, as their content is a map."""
    lanes = tuple(replace(lane, tasks=()) for lane in world.state.lanes)
    rows = tuple((rows.queue, rows.running, tuple(task.uid for task in rows.tasks)) for rows in world.rows)
    tasks = tuple(task.uid for lane in world.state.lanes for task in lane.tasks)
    return hash((replace(world.state, lanes=lanes), rows, tasks))


def make_world(*lanes: Lane) -> World:
    """Return a serving manager with empty queues."""
    lanes = lanes or (Lane(),)
    return World(State(epoch=1, phase="serving", lanes=lanes), tuple(Rows() for _ in lanes))


def take(world: World, event: events.Event) -> tuple[World, Trace]:
    """Return the world after an event and after everything that the store answers to it.

    Raises:
        RefusedError: the event does not fit the state.
    """
    trace = Trace()
    return _apply(world, event, trace), trace


def _apply(world: World, event: events.Event, trace: Trace) -> World:
    outcome = step(world.state, event)
    world = replace(world, state=outcome.state)
    for effect in outcome.effects:
        world = _perform(world, effect, trace)
    return world


def _perform(world: World, effect: effects.Effect, trace: Trace) -> World:
    match effect:
        case effects.ClaimNext():
            return _claim(world, effect, trace)
        case effects.FinishAttempt():
            return _finish(world, effect, trace)
        case effects.Redispatch():
            row = _running_row(world, effect.key)
            trace.again.append(row.key)
            trace.orders.append(effects.Dispatch(row.key, row.entry.as_item(row.key.lane)))
            return world
        case effects.Remind():
            return world
        case effects.Dispatch() | effects.Send() | effects.StartWorker() | effects.KillWorker() | effects.EndProcess():
            trace.orders.append(effect)
            return world
        case _:
            return _write(world, effect)


def _write(world: World, effect: effects.StoreEffect) -> World:
    match effect:
        case effects.RecordPhase():
            return _record(world, effect.key, lambda row: replace(row, phase=effect.phase))
        case effects.RecordRunOpened():
            return _record(world, effect.key, lambda row: _open_run(row, effect.run))
        case effects.RecordRunClosed():
            return _record(world, effect.key, lambda row: _close_run(row, effect.run_uid, effect.exit_status))
        case effects.RecordTask():
            return _start_task(world, effect.task)
        case effects.FinishTask():
            return _finish_task(world, effect.uid)
        case _:
            raise AssertionError(f"{effect} is unknown")


def _start_task(world: World, task: Task) -> World:
    rows = world.of(task.lane)
    assert task.uid not in {known.uid for known in rows.tasks}, "a task is written twice"
    return world.with_rows(task.lane, replace(rows, tasks=(*rows.tasks, replace(task, content={}))))


def _finish_task(world: World, uid: str) -> World:
    (lane,) = [task.lane for rows in world.rows for task in rows.tasks if task.uid == uid]
    rows = world.of(lane)
    return world.with_rows(lane, replace(rows, tasks=tuple(task for task in rows.tasks if task.uid != uid)))


def _claim(world: World, effect: effects.ClaimNext, trace: Trace) -> World:
    lane, rows = effect.lane, world.of(effect.lane)
    assert rows.running is None, "an item is claimed while an attempt is open"
    if not rows.queue:
        return _apply(world, events.QueueExhausted(lane), trace)
    head, rest = rows.queue[0], rows.queue[1:]
    if head.hold_reason:
        return _apply(world, events.QueueExhausted(lane, head.hold_reason), trace)
    if head.kind == "instruction":
        again = (head.copy(attempts=0),) if world.state.lane(lane).loop else ()
        world = world.with_rows(lane, replace(rows, queue=rest + again))
        world = _apply(world, events.QueueChanged(lane, len(again) - 1), trace)
        return _apply(world, events.InstructionReached(lane, "queue_stop"), trace)
    verdict = judge(world.state, lane, (look_at_predecessor(world, each) for each in head.after))
    if verdict.obstacle:
        held = replace(head, hold_reason=verdict.obstacle)
        world = world.with_rows(lane, replace(rows, queue=(held, *rest)))
        world = _apply(world, events.QueueExhausted(lane, verdict.obstacle), trace)
        return _apply(world, events.QueueChanged(lane, 0), trace)
    if verdict.awaited:
        blocked = events.ItemBlocked(lane, head.uid, None, 0.0, effect.is_immediate, verdict.awaited)
        return _apply(world, blocked, trace)
    claims = claims_of(world.state, head.as_item(lane), None)
    if find_holders(world.state, lane, claims):
        return _apply(world, events.ItemBlocked(lane, head.uid, claims, 0.0, effect.is_immediate), trace)
    key = AttemptKey(head.uid, head.submission, lane, head.attempts + 1, world.state.epoch)
    world = world.with_rows(lane, replace(rows, queue=rest, running=Row(key, head)))
    trace.claimed.append(key)
    return _apply(world, events.ItemClaimed(key, head.as_item(lane), 0.0, effect.is_immediate, claims), trace)


def look_at_predecessor(world: World, submission: str) -> Predecessor:
    """Return what the store knows of a submission that an item comes after."""
    return Predecessor(submission, submission in world.completed, world.living(submission), "failed")


def _finish(world: World, effect: effects.FinishAttempt, trace: Trace) -> World:
    row, lane = _running_row(world, effect.key), effect.key.lane
    queue = world.of(lane).queue
    reason = effect.hold_reason if effect.copy == "held" else ""
    copy = row.entry.copy(attempts=row.key.number, hold_reason=reason)
    after = {"none": queue, "back": (*queue, copy), "front": (copy, *queue), "held": (copy, *queue)}[effect.copy]
    world = world.with_rows(lane, replace(world.of(lane), queue=after, running=None))
    trace.finished.append(effect)
    if effect.result.outcome == "completed":
        world = replace(world, completed=world.completed | {effect.key.submission})
    world = _apply(world, events.HistoryChanged(1), trace)
    return _apply(world, events.QueueChanged(lane, len(after) - len(queue)), trace)


def _running_row(world: World, key: AttemptKey) -> Row:
    row = world.of(key.lane).running
    assert row is not None, "something is written of an attempt, and none is open"
    assert row.key == key, "something is written of an attempt that is not the open one"
    return row


def _record(world: World, key: AttemptKey, change: Callable[[Row], Row]) -> World:
    return world.with_rows(key.lane, replace(world.of(key.lane), running=change(_running_row(world, key))))


def _open_run(row: Row, run: Run) -> Row:
    assert run.uid not in {known.uid for known in row.runs}, "a run is written twice"
    return replace(row, runs=(*row.runs, run))


def _close_run(row: Row, uid: str, exit_status: str) -> Row:
    assert any(run.uid == uid and run.is_open for run in row.runs), "the end of a run is written that is not open"
    runs = (run.closed(exit_status) if run.uid == uid else run for run in row.runs)
    return replace(row, runs=tuple(runs))


# --- what people do to a queue, as the handlers do it -------------------------------------------------------------


def change_queue(world: World, lane: str, queue: tuple[Entry, ...]) -> tuple[World, Trace]:
    """Return the world in which a person has added, removed or moved items."""
    added = len(queue) - len(world.of(lane).queue)
    world = world.with_rows(lane, replace(world.of(lane), queue=queue))
    return take(world, events.QueueChanged(lane, added))


def release_head(world: World, lane: str) -> tuple[World, Trace]:
    """Return the world in which a person has released the held item at the front."""
    head, *rest = world.of(lane).queue
    trace = Trace()
    world = world.with_rows(lane, replace(world.of(lane), queue=(replace(head, hold_reason=""), *rest)))
    world = _apply(world, events.HoldReleased(lane), trace)
    return _apply(world, events.QueueChanged(lane, 0), trace), trace


def execute(world: World, lane: str) -> tuple[World, Trace]:
    """Return the world in which a person has had an item executed at once.

    Raises:
        RefusedError: it cannot be executed now.
    """
    rows = world.of(lane)
    world = world.with_rows(lane, replace(rows, queue=(make_entry(is_immediate=True), *rows.queue)))
    return take(world, events.ExecuteRequested(lane))


def run_task(world: World, lane: str, *, in_background: bool) -> tuple[World, Trace]:
    """Return the world in which a person has had a task run.

    Raises:
        RefusedError: it cannot be run now.
    """
    task = Task(f"task{next(_counter)}", lane, "function", in_background, 0.0, {"name": "some"})
    return take(world, events.TaskRequested(task))


# --- the death of the manager -------------------------------------------------------------------------------------


class _SavedRows:
    """As much of a transaction as recovery reads."""

    def __init__(self, world: World) -> None:
        self._world = world

    def load(self, name: str) -> bytes:
        del name
        return durable_part(self._world.state)

    def count_history(self) -> int:
        return self._world.state.history_size

    def count_queue(self, lane: str) -> int:
        return len(self._world.of(lane).queue)

    def running_tasks(self) -> list[Task]:
        return [task for rows in self._world.rows for task in rows.tasks]

    def running(self) -> list[RunningItem]:
        rows = (rows.running for rows in self._world.rows)
        return [
            RunningItem(row.entry.as_item(row.key.lane), row.key, row.phase, 0.0, row.runs)
            for row in rows
            if row is not None
        ]


def restart(world: World) -> World:
    """Return the world in which the manager of the next epoch has read what the last one had committed."""
    saved: Any = _SavedRows(world)
    # The settings are the same ones as before.
    policies: dict[str, FailurePolicy] = {lane.name: lane.on_failure for lane in world.state.lanes}
    state = apply_policies(restore(saved, world.state.epoch + 1, 0.0), policies)
    return replace(world, state=replace(state, shared=world.state.shared))
