"""Tasks as rows: what was sent to a worker, and how it ended."""

from __future__ import annotations

from typing import Any

from msgspec.structs import asdict

from queue_server.protocol.tasks import Task, TaskResult
from queue_server.storage import admission, content
from queue_server.storage.base import StoredTask
from queue_server.storage.database import Rows
from queue_server.storage.sql import Row, statement

INSERT_TASK = statement("insert_task")
FINISH_TASK = statement("finish_task")
SELECT_TASK = statement("select_task")
SELECT_RUNNING_TASKS = statement("select_running_tasks")
DROP_OLD_TASKS = statement("drop_old_tasks")
DROP_MANY_TASKS = statement("drop_many_tasks")


class TaskRows(Rows):
    """The part of a transaction that works on tasks; the promises are those of the port."""

    def start_task(self, task: Task) -> None:
        """Write a task that is about to be sent."""
        if self._database.rows(SELECT_TASK, (task.uid,)):
            raise admission.task_exists(task.uid)
        running = [each.lane for each in self.running_tasks() if not each.in_background]
        if not task.in_background and task.lane in running:
            raise admission.task_in_foreground(task.lane)
        # What is done to a device is a call, too; which one, and of what, stands in the state of the core.
        kind = "function" if task.device else task.kind
        row = (task.uid, task.lane, kind, int(task.in_background), task.time_start)
        self._database.rows(INSERT_TASK, row)

    def finish_task(self, uid: str, result: TaskResult) -> None:
        """Write how a running task ended."""
        row = (result.time_stop, content.encode(asdict(result)), uid)
        if not self._database.change(FINISH_TASK, row):
            raise admission.no_running_task(uid)

    def task(self, uid: str) -> StoredTask | None:
        """Return a task, with its result if it has ended."""
        found = self._database.row(SELECT_TASK, (uid,))
        return None if found is None else _read_task(found)

    def running_tasks(self) -> list[Task]:
        """Return the tasks that have not ended, oldest first."""
        return [_read_task(row).task for row in self._database.rows(SELECT_RUNNING_TASKS)]

    def forget_tasks(self, *, before: float, keep: int) -> None:
        """Forget tasks that ended long ago, and all but the newest that have ended."""
        self._database.change(DROP_OLD_TASKS, (before,))
        self._database.change(DROP_MANY_TASKS, (keep,))


def _read_task(row: Row) -> StoredTask:
    uid, lane, kind, in_background, time_start, text = row
    result: dict[str, Any] | None = None if text is None else content.decode(text)
    return StoredTask(
        Task(uid, lane, kind, bool(in_background), time_start), None if result is None else TaskResult(**result)
    )
