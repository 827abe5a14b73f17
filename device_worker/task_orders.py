"""The orders to run tasks on their way to the threads that run them: each is taken once, or refused with a report.

Orders come from the link's thread. Nothing here runs a task.
"""

from __future__ import annotations

import logging
from queue import SimpleQueue

from device_worker.activity import Activity
from device_worker.commands import Commands, Reporter
from queue_server.client.outbox import UNNUMBERED
from queue_server.clock import Clock
from queue_server.protocol.worker_link import RunTask, TaskFinished

_log = logging.getLogger(__name__)

MOST_TASKS = 100
# A manager sends a task once and never again, so that few uids are enough.
REMEMBERED_TASKS = 4096


class TaskOrders:
    """Passes tasks on: to the main thread, if that is free, or to whoever starts the threads of background tasks."""

    def __init__(
        self, activity: Activity, commands: Commands, reporter: Reporter, clock: Clock, objection: str = ""
    ) -> None:
        """Take orders; with an ``objection``, each of them is refused for that reason."""
        self._activity = activity
        self._commands = commands
        self._reporter = reporter
        self._clock = clock
        self._objection = objection
        self._background: SimpleQueue[RunTask] = SimpleQueue()
        self._seen: dict[str, None] = {}

    def next_background(self) -> RunTask:
        """Wait for the next task for a thread of its own."""
        return self._background.get()

    def take(self, order: RunTask) -> None:
        """Pass a task on, or report that it cannot be run; one that was taken before is dropped."""
        if order.task_uid in self._seen:
            _log.warning("A task is dropped: it was taken before; %s", order.task_uid)
            return
        self._seen[order.task_uid] = None
        if len(self._seen) > REMEMBERED_TASKS:
            del self._seen[next(iter(self._seen))]
        objection = self._find_objection(order)
        if objection:
            self.refuse(order, objection)
            return
        self._activity.begin_task(order.task_uid, in_background=order.in_background)
        if order.in_background:
            self._background.put(order)
        else:
            self._commands.put_task(order)

    def _find_objection(self, order: RunTask) -> str:
        activity = self._activity
        running = len(activity.standing.tasks)
        objections = {
            self._objection: bool(self._objection),
            "the environment is not open": not activity.is_open,
            "the environment is being closed": self._commands.is_closing,
            f"{running} tasks are running, and at most {MOST_TASKS} may": running >= MOST_TASKS,
        }
        if not order.in_background:
            objections["a plan is under way"] = activity.attempt is not None
            objections["another task is under way"] = activity.foreground_task is not None
        return next((reason for reason, holds in objections.items() if holds), "")

    def refuse(self, order: RunTask, reason: str) -> None:
        """Report that a task was not begun."""
        message = f"The task was not begun: {reason}."
        _log.warning("%s (%s)", message, order.task_uid)
        now = self._clock.wall()
        self._reporter.report(
            TaskFinished(
                number=UNNUMBERED,
                task_uid=order.task_uid,
                success=False,
                message=message,
                time_start=now,
                time_stop=now,
            )
        )
