"""The work of a transaction on the tasks in memory, the same as that of the statements on rows."""

from __future__ import annotations

from msgspec.structs import asdict, replace

from queue_server.protocol.tasks import Task, TaskResult
from queue_server.storage import admission, content
from queue_server.storage.base import StoredTask
from queue_server.storage.memory_rows import MemoryRows


class TaskTables(MemoryRows):
    """The part of a transaction that works on tasks; the promises are those of the port."""

    def start_task(self, task: Task) -> None:
        """Write a task that is about to be sent."""
        if task.uid in self._tables.tasks:
            raise admission.task_exists(task.uid)
        in_foreground = [each.lane for each in self.running_tasks() if not each.in_background]
        if not task.in_background and task.lane in in_foreground:
            raise admission.task_in_foreground(task.lane)
        self._tables.put(self._tables.tasks, task.uid, StoredTask(replace(task, content={})))

    def finish_task(self, uid: str, result: TaskResult) -> None:
        """Write how a running task ended."""
        stored = self._tables.tasks.get(uid)
        if stored is None or stored.result is not None:
            raise admission.no_running_task(uid)
        # What is read back is what a store on disk would give back.
        kept = TaskResult(**content.decode(content.encode(asdict(result))))
        self._tables.put(self._tables.tasks, uid, StoredTask(stored.task, kept))

    def task(self, uid: str) -> StoredTask | None:
        """Return a task, with its result if it has ended."""
        return self._tables.tasks.get(uid)

    def running_tasks(self) -> list[Task]:
        """Return the tasks that have not ended, oldest first."""
        running = [stored.task for stored in self._tables.tasks.values() if stored.result is None]
        return sorted(running, key=lambda task: task.time_start)

    def forget_tasks(self, *, before: float, keep: int) -> None:
        """Forget tasks that ended long ago, and all but the newest that have ended."""
        ends = {uid: stored.result.time_stop for uid, stored in self._tables.tasks.items() if stored.result is not None}
        newest = sorted(ends, key=lambda uid: ends[uid], reverse=True)[:keep]
        for uid, end in ends.items():
            if end < before or uid not in newest:
                self._tables.drop(self._tables.tasks, uid)
