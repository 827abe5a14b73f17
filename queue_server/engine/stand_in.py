"""What takes the place of a worker's report that cannot be read, so that nobody waits for it for ever."""

from __future__ import annotations

from queue_server.core.model import Attempt, Lane
from queue_server.protocol.unreadable_report import UnreadableReport
from queue_server.protocol.worker_link import EnvironmentFailed, ItemFinished, Report, TaskFinished


def stand_in_for(report: UnreadableReport, lane: Lane, at: float) -> Report | None:
    """Return the report to apply instead; None for news that nobody waits for, and for what is over already.

    The end of an attempt is unknown, that of a task a failure. An environment whose opening was not understood failed
    to open.
    """
    message = f"What the worker reported ({report.kind}) cannot be read: {report.reason}"
    attempt = lane.attempt
    if report.kind == "item_finished" and attempt is not None and attempt.key == report.attempt:
        return _unknown_end(report.number, attempt, message, at)
    task = next((task for task in lane.tasks if task.uid == report.task_uid), None)
    if report.kind == "task_finished" and task is not None:
        return TaskFinished(
            number=report.number,
            task_uid=task.uid,
            success=False,
            message=message,
            time_start=task.time_start,
            time_stop=max(at, task.time_start),
        )
    if report.kind in ("catalog_page", "environment_opened") and lane.worker.environment == "opening":
        return EnvironmentFailed(number=report.number, message=message)
    return None


def _unknown_end(number: int, attempt: Attempt, message: str, at: float) -> ItemFinished:
    return ItemFinished(
        number=number,
        attempt=attempt.key,
        outcome="unknown",
        time_start=attempt.time_start,
        time_stop=max(at, attempt.time_start),
        run_uids=tuple(run.uid for run in attempt.runs),
        scan_ids=tuple(run.scan_id for run in attempt.runs if run.scan_id is not None),
        message=message,
    )
