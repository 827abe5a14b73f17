"""The orders of the manager on their way to the thread that carries them out; late and repeated ones end here.

Orders come from the link's thread, commands are taken by the main thread. Nothing here touches the RunEngine.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from typing import ClassVar, Literal, Protocol

from device_worker.activity import Activity
from queue_server.client.outbox import UNNUMBERED
from queue_server.protocol.items import AttemptKey
from queue_server.protocol.worker_link import (
    Close,
    Continue,
    Execute,
    Metadata,
    OrderRefused,
    Pause,
    Progress,
    Report,
    RunTask,
)

_log = logging.getLogger(__name__)

# An item is dispatched once and redispatched only around a reconnection, so that few keys are enough.
REMEMBERED_ATTEMPTS = 4096
REPEAT_WITHIN_S = 60.0


Order = Execute | Pause | Continue | Close


class Reporter(Protocol):
    """Where reports and telegrams go: the link."""

    def report(self, report: Report) -> None:
        """Keep a report until it is acknowledged."""
        ...

    def show_progress(self, progress: Progress) -> None:
        """Send the progress soon."""
        ...

    def show_metadata(self, metadata: Metadata) -> None:
        """Send the metadata, and again after each reconnection."""
        ...


@dataclass(frozen=True, slots=True)
class End:
    """End the process in order; a plan that is still under way is paused and aborted first."""

    reason: str


@dataclass(frozen=True, slots=True)
class Wake:
    """What the main thread waits for in another thread has ended."""

    kind: ClassVar[str] = "wake"


Command = Execute | Continue | RunTask | Close | End | Wake


class Commands:
    """Fences orders and passes them on: what arrives late or twice is logged and changes nothing."""

    def __init__(
        self,
        lane: str,
        activity: Activity,
        reporter: Reporter,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lane = lane
        self._activity = activity
        self._reporter = reporter
        self._monotonic = monotonic
        self._queue: SimpleQueue[Command] = SimpleQueue()
        self._pauses: SimpleQueue[Pause] = SimpleQueue()
        self._seen: dict[AttemptKey, None] = {}
        self._accepts_continue = False
        self._is_closing = False
        self._told_to_end_s = float("-inf")

    # --- for the threads that carry out -------------------------------------------------------------------------

    def next_command(self) -> Command:
        """Wait for the next command for the main thread."""
        return self._queue.get()

    def next_pause(self) -> Pause:
        """Wait for the next order to pause."""
        return self._pauses.get()

    def accept_continue(self) -> None:
        """Accept one order to continue: the RunEngine is paused."""
        self._accepts_continue = True

    def end_plan(self, attempt: AttemptKey, option: Literal["abort", "halt"]) -> None:
        """End a paused plan whoever else has given it an order; one that is not paused drops this."""
        self._accepts_continue = False
        self._queue.put(Continue(attempt=attempt, option=option))

    def pause_now(self, attempt: AttemptKey) -> None:
        """Pause a plan as soon as the RunEngine can."""
        self._pauses.put(Pause(attempt=attempt, option="immediate"))

    def end(self, reason: str) -> None:
        """End the process in order as soon as the main thread is free."""
        self._queue.put(End(reason))

    def wake(self) -> None:
        """Let the main thread look again at what it waits for."""
        self._queue.put(Wake())

    @property
    def is_closing(self) -> bool:
        """Whether the order to close was taken."""
        return self._is_closing

    def put_task(self, order: RunTask) -> None:
        """Let the main thread run a task."""
        self._queue.put(order)

    # --- for the link -------------------------------------------------------------------------------------------

    def take(self, order: Order, epoch: int) -> None:
        """Pass on an order of the manager that serves in ``epoch``."""
        if isinstance(order, Execute):
            self._take_execute(order, epoch)
        elif isinstance(order, Close):
            self._take_close(order)
        elif order.attempt != self._activity.attempt:
            _log.warning("Late: the order to %s is for %s and is dropped", _verb(order), order.attempt)
        elif isinstance(order, Pause):
            self._pauses.put(order)
        else:
            self._take_continue(order)

    def _take_execute(self, order: Execute, epoch: int) -> None:
        reason = self._find_objection(order.attempt, epoch)
        if reason:
            _log.warning("An order to execute is dropped: %s; %s", reason, order.attempt)
            return
        self._seen[order.attempt] = None
        if len(self._seen) > REMEMBERED_ATTEMPTS:
            del self._seen[next(iter(self._seen))]
        self._activity.accept(order.attempt)
        self._queue.put(order)

    def _find_objection(self, attempt: AttemptKey, epoch: int) -> str:
        newest_epoch = next(reversed(self._seen)).epoch if self._seen else 0
        objections = {
            "it was taken before": attempt in self._seen,
            "another attempt is under way": self._activity.attempt is not None,
            "the environment is not open": not self._activity.is_open or self._is_closing,
            f"it belongs to another lane than {self._lane!r}": attempt.lane != self._lane,
            # The epoch is that of the attempt's start, and stays when a later manager adopts the worker.
            f"late: the manager's epoch is {epoch}": not newest_epoch <= attempt.epoch <= epoch,
        }
        return next((reason for reason, holds in objections.items() if holds), "")

    def _take_close(self, order: Close) -> None:
        if self._activity.attempt is not None:
            _log.warning("The order to close is dropped: %s is under way", self._activity.attempt)
            return
        if self._activity.foreground_task is not None:
            _log.warning("The order to close is dropped: the task %s is under way", self._activity.foreground_task)
            return
        self._is_closing = True
        self._queue.put(order)

    def _take_continue(self, order: Continue) -> None:
        if not self._accepts_continue:
            self.refuse(order, f"the RunEngine is {self._activity.standing.re_state}, not waiting in a pause")
            return
        self._accepts_continue = False
        self._queue.put(order)

    def refuse(self, order: Pause | Continue, message: str) -> None:
        """Report that an order cannot be carried out."""
        verb = _verb(order)
        _log.warning("Cannot %s: %s", verb, message)
        self._reporter.report(OrderRefused(number=UNNUMBERED, attempt=order.attempt, order=verb, message=message))

    # --- for signals --------------------------------------------------------------------------------------------

    def terminate(self, signal_name: str) -> None:
        """Act on a signal that asks the process to end.

        An idle worker ends in order. During a plan the first signal only says what to do: whoever sent it may not
        know that a plan is running. A second one within a minute is meant: the plan is paused and aborted with its
        clean-up, which is better than the SIGKILL that would follow. A task cannot be interrupted: the worker ends
        after it.
        """
        attempt, task = self._activity.attempt, self._activity.foreground_task
        if attempt is None and task is None:
            _log.info("%s: the worker ends", signal_name)
            self.end(signal_name)
            return
        now_s = self._monotonic()
        if now_s - self._told_to_end_s > REPEAT_WITHIN_S:
            self._told_to_end_s = now_s
            _log.warning("%s is ignored while %s", signal_name, _explain_spared(attempt, task))
            return
        if attempt is not None:
            _log.warning("%s again: the plan is paused and aborted, then the worker ends", signal_name)
            self._activity.begin_end()
            self.pause_now(attempt)
        else:
            _log.warning("%s again: the worker ends after the task %s", signal_name, task)
        self.end(f"{signal_name} was sent twice")


def _explain_spared(attempt: AttemptKey | None, task: str | None) -> str:
    if attempt is None:
        what, way = f"a task runs ({task}). Wait for it", "end the worker after it"
    else:
        what = f"a plan runs (item {attempt.item_uid}). Pause and abort the plan"
        way = "abort it and end the worker"
    return f"{what}, or send the signal again within {REPEAT_WITHIN_S:.0f} seconds to {way}."


def _verb(order: Pause | Continue) -> str:
    return "pause" if isinstance(order, Pause) else order.option
