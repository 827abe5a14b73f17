"""What the worker is doing, as any thread may ask at any time. Decides nothing."""

from __future__ import annotations

import threading

from msgspec import Struct
from msgspec.structs import replace

from queue_server.client.worker import Standing
from queue_server.protocol.items import AttemptKey, Run

IDLE = "idle"
UNDER_WAY = frozenset((IDLE, "running", "pausing", "suspending"))
"""States of the RunEngine in which an attempt is about to begin, or goes on."""


class Emergency(Struct, frozen=True):
    """An emergency stop: why, and whether the plan has had its time to clean up."""

    reason: str
    is_halting: bool = False


class Activity:
    """The standing of the worker, replaced as a whole at each change."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._standing = Standing()
        self._foreground_task: str | None = None
        self._emergency: Emergency | None = None
        self._is_ending = False

    @property
    def is_ending(self) -> bool:
        """Whether the plan is to be paused and aborted, and the process to end after it."""
        return self._is_ending

    @property
    def emergency(self) -> Emergency | None:
        """The emergency stop that came after the last order; the manager gives no other before it is reset."""
        return self._emergency

    @property
    def standing(self) -> Standing:
        """What the worker is doing now."""
        return self._standing

    @property
    def attempt(self) -> AttemptKey | None:
        """The attempt that was accepted and has not ended."""
        return self._standing.attempt

    @property
    def foreground_task(self) -> str | None:
        """The uid of the task that was accepted for the main thread and has not ended."""
        return self._foreground_task

    @property
    def is_open(self) -> bool:
        """Whether the environment can execute items."""
        return self._standing.environment == "open"

    def open(self) -> None:
        """Note that the environment is ready."""
        self._replace(environment="open", re_state=IDLE)

    def fail(self) -> None:
        """Note that the environment cannot be used."""
        self._replace(environment="failed", re_state=None)

    def accept(self, attempt: AttemptKey) -> None:
        """Note that an attempt has begun."""
        with self._changed:
            self._emergency = None
            self._replace(attempt=attempt, runs=())

    def end(self) -> None:
        """Note that the attempt has ended."""
        self._replace(attempt=None, runs=())

    def begin_end(self) -> None:
        """Note that the plan is to be paused and aborted, and the process to end after it."""
        self._is_ending = True

    def begin_task(self, uid: str, *, in_background: bool) -> None:
        """Note that a task was accepted."""
        with self._changed:
            self._emergency = None
            if not in_background:
                self._foreground_task = uid
            self._replace(tasks=(*self._standing.tasks, uid))

    def free_main_thread(self) -> None:
        """Note that the foreground task has ended, although its end is not reported yet."""
        self._foreground_task = None

    def end_task(self, uid: str) -> None:
        """Note that the end of a task is reported."""
        with self._changed:
            self._replace(tasks=tuple(task for task in self._standing.tasks if task != uid))

    def enter(self, re_state: str) -> None:
        """Note the state of the RunEngine."""
        self._replace(re_state=re_state)

    def stop(self, emergency: Emergency) -> None:
        """Note an emergency stop: what was accepted before it may not move anything any more.

        A repeat does not give a plan that is halted its clean-up back.
        """
        with self._changed:
            if self._emergency is not None and self._emergency.is_halting:
                emergency = replace(emergency, is_halting=True)
            self._emergency = emergency
            self._changed.notify_all()

    def halt(self, attempt: AttemptKey, reason: str) -> bool:
        """Take its clean-up from an attempt that an emergency stop ends; return False where it is over."""
        with self._changed:
            if self._standing.attempt != attempt:
                return False
            self._emergency = Emergency(reason, is_halting=True)
            self._changed.notify_all()
            return True

    def list_runs(self, runs: tuple[Run, ...]) -> None:
        """Note the runs of the attempt."""
        self._replace(runs=runs)

    def wait_started(self, attempt: AttemptKey) -> bool:
        """Wait until the RunEngine has begun with ``attempt``; return False where the attempt is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._standing.attempt != attempt or self._standing.re_state != IDLE)
            return self._standing.attempt == attempt

    def wait_running(self, attempt: AttemptKey) -> bool:
        """Wait until the RunEngine goes on with ``attempt``; return False where the attempt is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._standing.attempt != attempt or self._standing.re_state == "running")
            return self._standing.attempt == attempt

    def wait_paused(self, attempt: AttemptKey, timeout_s: float) -> bool:
        """Wait until ``attempt`` is paused, on its way to an end, or over; return whether it is so."""

        def is_there() -> bool:
            return self._standing.attempt != attempt or self._standing.re_state not in UNDER_WAY

        with self._changed:
            return self._changed.wait_for(is_there, max(0.0, timeout_s))

    def wait_over(self, attempt: AttemptKey, timeout_s: float) -> bool:
        """Wait until ``attempt`` is over; return whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: self._standing.attempt != attempt, max(0.0, timeout_s))

    def _replace(self, **changes: object) -> None:
        with self._changed:
            self._standing = replace(self._standing, **changes)  # type: ignore[arg-type]
            self._changed.notify_all()
