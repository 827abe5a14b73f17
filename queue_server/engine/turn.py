"""One turn: what is done inside one transaction, on a state that becomes the state only if the transaction commits."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from msgspec.structs import asdict, replace

from queue_server.clock import Chance
from queue_server.core.claims import find_holders, names_in
from queue_server.core.effects import (
    STORE_EFFECTS,
    ClaimNext,
    Dispatch,
    Effect,
    FinishAttempt,
    FinishTask,
    OuterEffect,
    RecordPhase,
    RecordRunClosed,
    RecordRunOpened,
    RecordTask,
    Redispatch,
)
from queue_server.core.events import (
    Event,
    HistoryChanged,
    InstructionReached,
    ItemBlocked,
    ItemClaimed,
    QueueChanged,
    QueueExhausted,
)
from queue_server.core.machine import step
from queue_server.core.model import State
from queue_server.core.view import manager_state
from queue_server.engine import exam_outputs, exam_progress, submission_results, workflow_results
from queue_server.engine.aides import NOBODY, Aides
from queue_server.engine.extraction import extraction_of
from queue_server.engine.head import Head
from queue_server.engine.inputs import fill_inputs
from queue_server.engine.postprocessing import take_ranked
from queue_server.engine.trail import Trail
from queue_server.protocol.errors import StateError
from queue_server.protocol.event_log import EventRecord
from queue_server.protocol.items import BACK, FRONT, AttemptKey, Item, Origin
from queue_server.protocol.tasks import TASKS_KEPT, TASKS_KEPT_S, Task
from queue_server.storage.base import BlockedAtHead, Claim, HeldAtHead, InstructionAtHead, Transaction

_log = logging.getLogger(__name__)


class Turn:
    """The working copy of one transaction: state, orders to perform afterwards, and events to publish.

    ``after_commit`` belongs to the change and is done with it; ``remarks`` are said when everybody has an answer.
    ``passed`` are states through which it went on its way: clients that wait for a word such as executing_queue must
    see it also where the next word follows in the same turn.
    """

    def __init__(
        self,
        tx: Transaction,
        state: State,
        now: float,
        chance: Chance,
        instance_id: str = "",
        aides: Aides = NOBODY,
    ) -> None:
        self.tx = tx
        self.state = state
        self.now = now
        self.chance = chance
        self.orders: list[OuterEffect] = []
        self.events: list[EventRecord] = []
        self.after_commit: list[Callable[[], None]] = []
        self.remarks: list[Callable[[], None]] = []
        self._trail = Trail(instance_id, state.revisions.queue, _words_of(state))
        self._aides = aides

    @property
    def passed(self) -> list[State]:
        """The states through which the turn went on its way."""
        return self._trail.passed

    def pass_entry(self) -> None:
        """Note the state that an entry of the turn has left, if the manager does something else in it than before."""
        words = _words_of(self.state)
        if words != self._trail.words:
            self._trail.words = words
            self._trail.passed.append(self.state)

    def apply(self, event: Event, then: Callable[[], None] | None = None) -> None:
        """Step the state, and perform at once what the step orders from the store, after ``then``.

        Raises:
            RefusedError: the event does not fit the state.
        """
        outcome = step(self.state, event)
        self.state = outcome.state
        if then is not None:
            then()
        for effect in outcome.effects:
            self._perform(effect)

    def record(
        self,
        kind: str,
        *,
        key: AttemptKey | None = None,
        lane: str = "",
        origin: Origin | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> None:
        """Append to the event log."""
        self.append(
            EventRecord(
                kind=kind,
                time=self.now,
                epoch=self.state.epoch,
                lane=key.lane if key else lane,
                item_uid=key.item_uid if key else str((data or {}).get("item_uid", "")),
                submission=key.submission if key else "",
                attempt=key.number if key else 0,
                origin=origin or Origin(),
                data=data or {},
            )
        )

    def append(self, event: EventRecord) -> None:
        """Append an event to the log, with the uids of the queue if that has changed since the last one."""
        before, after = self._trail.pass_to(self.state.revisions.queue)
        if after:
            event = replace(event, data={**event.data, "queue_uid_before": before, "queue_uid": after})
        self.events.append(event.numbered(self.tx.append_event(event)))

    @contextmanager
    def entry(self) -> Generator[None]:
        """Undo everything that was done inside the block if it raises, in the store and here."""
        before = (self.state, len(self.orders), len(self.events), len(self.after_commit), len(self.remarks))
        revision = self._trail.revision
        try:
            with self.tx.savepoint():
                yield
        except BaseException:
            self.state = before[0]
            self._trail.revision = revision
            del self.orders[before[1] :], self.events[before[2] :]
            del self.after_commit[before[3] :], self.remarks[before[4] :]
            raise

    def _perform(self, effect: Effect) -> None:
        if isinstance(effect, Dispatch):
            self.orders.append(replace(effect, extraction=extraction_of(self.tx, effect.item)))
        elif not isinstance(effect, STORE_EFFECTS):
            self.orders.append(effect)
        elif isinstance(effect, ClaimNext):
            self._claim_next(effect)
        elif isinstance(effect, FinishAttempt):
            self._finish(effect)
        elif isinstance(effect, RecordTask):
            self._start_task(effect.task)
        elif isinstance(effect, FinishTask):
            self._finish_task(effect)
        else:
            self._write(effect)

    def _write(self, effect: RecordPhase | RecordRunOpened | RecordRunClosed | Redispatch) -> None:
        if isinstance(effect, RecordPhase):
            self.tx.set_phase(effect.key, effect.phase)
            self._note_phase(effect)
        elif isinstance(effect, RecordRunOpened):
            self.tx.open_run(effect.key, effect.run)
            self.record("run_opened", key=effect.key, data={"run_uid": effect.run.uid, "scan_id": effect.run.scan_id})
        elif isinstance(effect, RecordRunClosed):
            self.tx.close_run(effect.key, effect.run_uid, effect.exit_status)
            self.record("run_closed", key=effect.key, data={"run_uid": effect.run_uid, "status": effect.exit_status})
        else:
            item = self.tx.item(effect.key.item_uid)
            if item is not None:
                attempt = self.state.lane(effect.key.lane).attempt
                claims = None if attempt is None else names_in(self.state, effect.key.lane, attempt.claims)
                # Without the files that were there, the worker says which input it lacks.
                item = take_ranked(self.tx, fill_inputs(self.tx, item).item, anew=False)
                self._perform(Dispatch(effect.key, item, claims))

    def _note_phase(self, effect: RecordPhase) -> None:
        # Only devices that connect by themselves do exam tasks, and reading an item costs what all others need not pay.
        item = self.tx.item(effect.key.item_uid) if self.state.lane(effect.key.lane).is_remote else None
        if item is not None:
            exam_progress.note(self.tx, item, effect.phase, self.now)

    def _start_task(self, task: Task) -> None:
        self.tx.start_task(task)
        self.record("task_started", lane=task.lane, data={"task_uid": task.uid, "kind": task.kind})

    def _finish_task(self, effect: FinishTask) -> None:
        self.tx.finish_task(effect.uid, effect.result)
        self.tx.forget_tasks(before=self.now - TASKS_KEPT_S, keep=TASKS_KEPT)
        self.record("task_finished", data={"task_uid": effect.uid, "success": effect.result.success})

    def _claim_next(self, effect: ClaimNext) -> None:
        head = Head(self.tx, self.state, self._aides.find_devices)
        found = self.tx.claim_next(effect.lane, self.state.epoch, self.now, head.may_begin)
        if isinstance(found, Claim):
            _log.info("Processing the next queue item: %s", found.item.name)
            item = take_ranked(self.tx, fill_inputs(self.tx, found.item).item)
            claimed = ItemClaimed(found.attempt, item, self.now, effect.is_immediate, head.claims)
            exam_progress.note(self.tx, found.item, "dispatched", self.now)
            data = {"name": found.item.name}
            self.apply(claimed, then=lambda: self.record("item_started", key=found.attempt, data=data))
        elif isinstance(found, InstructionAtHead):
            self._take_instruction(found.item)
        elif isinstance(found, BlockedAtHead) and head.obstacle:
            self._hold(effect, found.item, head.obstacle)
        elif isinstance(found, BlockedAtHead):
            uid, is_immediate = found.item.uid, effect.is_immediate
            self._wait(ItemBlocked(effect.lane, uid, head.claims, self.now, is_immediate, head.awaited))
        elif isinstance(found, HeldAtHead):
            _log.warning("The item %s at the head of the queue is held: %s", found.item.name, found.item.reason)
            self.apply(QueueExhausted(effect.lane, found.item.reason or "held"))
        else:
            _log.info("Queue is empty.")
            self.apply(QueueExhausted(effect.lane))

    def _wait(self, event: ItemBlocked) -> None:
        before = self.state.lane(event.lane).waiting
        self.apply(event)
        if before is None or (before.item_uid, bool(before.after)) != (event.item_uid, bool(event.after)):
            found = () if event.after else find_holders(self.state, event.lane, event.claims)
            holders, after = [holder.shown() for holder in found], [asdict(awaited) for awaited in event.after]
            data = {"item_uid": event.item_uid, "claimed_by": holders, "comes_after": after}
            _log.info("An item of the lane %s waits for others: %s", event.lane, data)
            self.record("item_waits", lane=event.lane, data=data)

    def _hold(self, effect: ClaimNext, item: Item, reason: str) -> None:
        """Hold the head of a queue, because it would wait for ever."""
        if effect.is_immediate:
            raise StateError(f"The item cannot run at once. {reason}")
        self.tx.set_held(item.uid, reason)
        exam_progress.note(self.tx, item, "held", self.now)
        _log.warning("The item %s at the head of the queue is held: %s", item.name, reason)
        self.apply(QueueExhausted(effect.lane, reason))
        data = {"item_uid": item.uid, "name": item.name, "reason": reason}
        record = partial(self.record, "item_held", lane=effect.lane, data=data)
        self.apply(QueueChanged(effect.lane, 0), then=record)

    def _take_instruction(self, item: Item) -> None:
        self.tx.remove([item.uid])
        added = -1
        if self.state.lane(item.lane).loop:
            self.tx.insert([self._copy(item)], BACK)
            added = 0
        data = {"item_uid": item.uid, "name": item.name}
        record = partial(self.record, "instruction_reached", lane=item.lane, data=data)
        self.apply(QueueChanged(item.lane, added), then=record)
        self.apply(InstructionReached(item.lane, item.name))

    def _finish(self, effect: FinishAttempt) -> None:
        item = self.tx.finish(effect.key, effect.result)
        exam_progress.note_end(self.tx, item, effect.result, self.now)
        exam_outputs.add_outputs(self.tx, item, effect.result, self.now, self.chance.identifier)
        ended = submission_results.note_end(self.tx, effect.key, effect.result, self.now, self.chance.secret)
        affected = None if ended is None else workflow_results.note_end(self.tx, ended)
        self.apply(HistoryChanged(1))
        result = effect.result.shown()
        added = 0
        if effect.copy != "none":
            copy = self._copy(item)
            if effect.copy != "back":
                copy = replace(copy, content={**copy.content, "result": result})
            if effect.copy == "held":
                copy = replace(copy, state="held", reason=effect.hold_reason)
            self.tx.insert([copy], BACK if effect.copy == "back" else FRONT)
            added = 1
        if effect.result.outcome not in ("completed", "stopped"):
            _log.warning("The plan failed: %s ended as %s", item.name, effect.result.outcome)
        data = {"outcome": effect.result.outcome, "copy": effect.copy}
        # Before what follows from the change: an autostart claims the next item.
        record = partial(self.record, "item_finished", key=effect.key, data=data)
        self.apply(QueueChanged(effect.key.lane, added), then=record)
        if affected is not None:
            self._aides.postprocess(self, affected)

    def _copy(self, item: Item) -> Item:
        uid = self.chance.identifier()
        content = {name: value for name, value in item.content.items() if name != "result"}
        return Item(uid, item.lane, item.submission, {**content, "item_uid": uid})


def _words_of(state: State) -> tuple[str, ...]:
    return tuple(manager_state(state, lane) for lane in state.lanes)
