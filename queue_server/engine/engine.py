"""The engine: one inbox, one turn at a time, and the only caller that replaces the state.

A turn takes everything that waits (at most 256 entries), applies it in one transaction in the store's thread, and
only after the commit come the replies, the notices and the orders to workers. If the commit fails, the old state
stands.

Orders that control motion do not wait for that. They are stepped at once on the state that is shown and sent, and
stepped again on the result of the turn that was under way, so that neither is lost.

A full disk refuses what clients ask for. What has happened cannot be refused: such entries wait for the disk.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from queue_server.clock import Chance, Clock
from queue_server.core.effects import OuterEffect, Send
from queue_server.core.events import (
    ContinueRequested,
    EstopDeadlinePassed,
    EstopReported,
    EstopRequested,
    OrderDeadlinePassed,
    OrdersWithheld,
    PauseRequested,
)
from queue_server.core.machine import step
from queue_server.core.model import Lane, State
from queue_server.engine.aides import NOBODY, Aides, Postprocess
from queue_server.engine.board import StatusBoard
from queue_server.engine.head import FindDevices
from queue_server.engine.inbox import Entry, Inbox
from queue_server.engine.perform import Done, Performer, attempt, tell
from queue_server.engine.recovery import durable_part, save_part
from queue_server.engine.stopping import hold_back, record_stop
from queue_server.engine.turn import Turn
from queue_server.failpoints import declare, failpoint
from queue_server.protocol.errors import RefusedError, StorageError
from queue_server.protocol.items import Origin
from queue_server.protocol.worker_link import Welcome
from queue_server.storage.base import Store, Transaction

_log = logging.getLogger(__name__)

T = TypeVar("T")
StopEvent = EstopRequested | EstopReported | EstopDeadlinePassed
Command = PauseRequested | ContinueRequested | OrderDeadlinePassed | StopEvent

MOST_PER_TURN = 256

declare("engine.before_turn", "engine.before_send", "engine.after_send")


class _Ordered(Struct, frozen=True):
    """An order of motion that was given while a turn was under way, and what has left for it, to whom."""

    event: Command
    has_left: bool
    stop: tuple[object, ...]


class Engine:
    """Owns the state. Build it with the restored state, then keep ``run`` running."""

    def __init__(
        self, store: Store, state: State, board: StatusBoard, performer: Performer, *, clock: Clock, chance: Chance
    ) -> None:
        self._store = store
        self._state = state
        self._board = board
        self._performer = performer
        self._clock = clock
        self._begin_turn = partial(Turn, chance=chance, instance_id=store.instance_id)
        self._inbox = Inbox()
        self._changed = asyncio.Event()
        self._saved = b""
        self._rebase: list[_Ordered] | None = None

    @property
    def state(self) -> State:
        """The state that is shown."""
        return self._state

    def find_devices_by(self, find_devices: FindDevices) -> None:
        """From now on let it be told so which devices the plan of an item uses; before, nobody knows."""
        self._ask(find_devices=find_devices)

    def postprocess_by(self, postprocess: Postprocess) -> None:
        """From now on let the post-processing of workflows be queued so; before, there is none."""
        self._ask(postprocess=postprocess)

    def _ask(self, **aides: Any) -> None:
        known: Aides = self._begin_turn.keywords.get("aides", NOBODY)
        self._begin_turn = partial(self._begin_turn, aides=replace(known, **aides))

    def post(self, work: Callable[[Turn], T], *, insist: bool = False, may_wait: bool = False) -> asyncio.Future[T]:
        """Put ``work`` into the next turn; the future has its result, or its refusal, after the commit.

        The future is cancelled if the engine ends before. With ``insist`` the work is not given up while the store
        has no room, but tried again, before everything that came later. Work that ``may_wait`` does so for a moment,
        so that it shares the transaction of what comes next.
        """
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._inbox.put(Entry(work, partial(_settle, answer), insist), may_wait=may_wait)
        return answer

    def ask(self, work: Callable[[Turn], Any], tell: Callable[[Done | None], None]) -> None:
        """Put ``work`` into the next turn; ``tell`` hears what came of it as soon as that is committed.

        That is before it shows anywhere else, and without a detour through the event loop. It hears None if the
        engine ends before.
        """
        self._inbox.put(Entry(work, tell))

    def command(self, event: Command, origin: Origin) -> None:
        """Order a change of motion at once; only its record waits for the store.

        Raises:
            RefusedError: the order does not fit the state.
        """
        before = self._state
        outcome = step(before, event)
        self._state = outcome.state
        if self._rebase is not None:
            self._rebase.append(_Ordered(event, bool(outcome.effects), _stop_in(outcome.state.lane(event.lane))))
        self._performer.perform(outcome.effects)
        self._board.update(self._state)
        self._changed.set()
        if isinstance(event, StopEvent):
            answer = self.post(lambda turn: record_stop(turn, event, origin), insist=True)
        else:
            answer = self.post(lambda turn: _record_command(turn, event, origin))
        answer.add_done_callback(_retrieve)

    async def wait_until(self, condition: Callable[[State], bool]) -> None:
        """Wait until the state that is shown meets ``condition``."""
        while not condition(self._state):
            self._changed.clear()
            await self._changed.wait()

    async def run(self) -> None:
        """Take turns until the state says that the manager has stopped; then, or when cancelled, refuse what waits.

        Raises:
            StorageError: the store cannot be used any more.
        """
        try:
            while self._state.phase != "stopped":
                await self._take_turn(await self._inbox.take(MOST_PER_TURN))
        finally:
            self._inbox.close()

    async def _take_turn(self, batch: list[Entry]) -> None:
        failpoint("engine.before_turn")
        self._rebase = []
        state, saved, now = self._state, self._saved, self._clock.wall()
        try:
            turn, done, saved = await self._store.transact(lambda tx: self._work(tx, batch, state, saved, now))
        except StorageError as error:
            self._rebase = None
            self._give_up(batch, error)
            if error.is_fatal:
                raise
            return
        rebase, self._rebase = self._rebase, None
        self._saved = saved
        orders = self._replace_state(turn, rebase)
        failpoint("engine.before_send")
        self._performer.perform(orders)
        for entry, result in zip(batch, done, strict=True):
            tell(entry.tell, result)
        self._show(turn, was_overtaken=bool(rebase))
        failpoint("engine.after_send")

    def _show(self, turn: Turn, *, was_overtaken: bool) -> None:
        # An order that was given meanwhile is not part of what the turn went through.
        for passed in () if was_overtaken else turn.passed:
            self._board.update(passed)
        self._board.update(self._state)
        self._changed.set()
        self._performer.publish(turn.events)
        loop = asyncio.get_running_loop()
        for say in turn.remarks:
            # The answers are due before it.
            loop.call_soon(say)

    def _give_up(self, batch: list[Entry], error: StorageError) -> None:
        kept: list[Entry] = []
        for entry in batch:
            if entry.insists and not error.is_fatal:
                kept.append(entry)
            else:
                tell(entry.tell, Done(error=error))
        if kept:
            _log.error("%d events wait for the store: %s", len(kept), error)
            self._inbox.put_back(kept)

    def _work(
        self, tx: Transaction, batch: list[Entry], state: State, saved: bytes, now: float
    ) -> tuple[Turn, list[Done], bytes]:
        turn = self._begin_turn(tx, state, now)
        done: list[Done] = []
        for entry in batch:
            done.append(attempt(entry.work, turn))
            turn.pass_entry()
        if turn.state is not state:
            part = durable_part(turn.state)
            if part != saved:
                save_part(tx, part)
                saved = part
        return turn, done, saved

    def _replace_state(self, turn: Turn, rebase: list[_Ordered]) -> list[OuterEffect]:
        shown, self._state = self._state, turn.state
        for act in turn.after_commit:
            act()
        orders = list(turn.orders)
        for ordered in rebase:
            orders += self._apply_again(ordered, shown, turn.orders)
        return self._hold_back(shown, orders) if rebase else orders

    def _hold_back(self, shown: State, orders: list[OuterEffect]) -> list[OuterEffect]:
        """Return what may leave although an emergency stop came while the turn was under way."""
        orders, withheld = hold_back(self._state, shown, orders, self._clock.wall())
        for event in withheld:
            self.post(partial(_withhold, event), insist=True).add_done_callback(_retrieve)
        return orders

    def _apply_again(self, ordered: _Ordered, shown: State, orders: list[OuterEffect]) -> list[OuterEffect]:
        """Step an order on the result of a turn that did not know of it; return what still has to be sent."""
        event = ordered.event
        if isinstance(event, StopEvent):
            return self._stop_again(event, ordered.stop, orders)
        was, lane = shown.lane(event.lane).attempt, self._state.lane(event.lane)
        same = was is not None and lane.attempt is not None and was.key == lane.attempt.key
        if not same and isinstance(event, ContinueRequested):
            return []
        try:
            outcome = step(self._state, event)
        except RefusedError:
            return []
        self._state = outcome.state
        # A pause that met the change of items holds for the next one. A worker that is only now welcomed has dropped
        # what left before.
        if same and ordered.has_left and not _welcomes(orders, lane.worker.incarnation):
            return []
        return [effect for effect in outcome.effects if isinstance(effect, OuterEffect)]

    def _stop_again(self, event: StopEvent, left: tuple[object, ...], orders: list[OuterEffect]) -> list[OuterEffect]:
        try:
            outcome = step(self._state, event)
        except RefusedError:
            return []
        self._state = outcome.state
        lane = outcome.state.lane(event.lane)
        # What left before is the same order to the same worker, unless that is only now welcomed.
        if left == _stop_in(lane) and not _welcomes(orders, lane.worker.incarnation):
            return []
        return [effect for effect in outcome.effects if isinstance(effect, OuterEffect)]


def _stop_in(lane: Lane) -> tuple[object, ...]:
    worker, estop = lane.worker, lane.estop
    return worker.incarnation, worker.environment, estop and (estop.at, estop.number)


def _welcomes(orders: list[OuterEffect], incarnation: str) -> bool:
    return any(
        isinstance(order, Send) and order.incarnation == incarnation and isinstance(order.message, Welcome)
        for order in orders
    )


def _settle(answer: asyncio.Future[Any], done: Done | None) -> None:
    if answer.done():
        return
    if done is None:
        answer.cancel()
    elif done.error is None:
        answer.set_result(done.value)
    else:
        answer.set_exception(done.error)


def _retrieve(answer: asyncio.Future[Any]) -> None:
    if not answer.cancelled() and answer.exception() is not None:
        _log.error("A record could not be written: %s", answer.exception())


def _withhold(event: OrdersWithheld, turn: Turn) -> None:
    turn.apply(event)
    turn.record("withheld", key=event.key, lane=event.lane, data={"tasks": list(event.tasks)})


def _record_command(
    turn: Turn, event: PauseRequested | ContinueRequested | OrderDeadlinePassed, origin: Origin
) -> None:
    order = f"pause_{event.option}" if isinstance(event, PauseRequested) else event.order
    attempt = turn.state.lane(event.lane).attempt
    kind = "order_overdue" if isinstance(event, OrderDeadlinePassed) else "ordered"
    turn.record(kind, key=attempt.key if attempt else None, lane=event.lane, origin=origin, data={"order": order})
