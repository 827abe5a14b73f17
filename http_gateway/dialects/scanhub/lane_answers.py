"""What a scanner answers to orders that it cannot carry out. It sends nothing."""

from __future__ import annotations

from queue_server.client.outbox import UNNUMBERED
from queue_server.protocol.worker_link import (
    Continue,
    DeviceNote,
    EmergencyStop,
    OrderRefused,
    Pause,
    RunTask,
    StopReport,
    TaskFinished,
)


def option_of(order: Pause | Continue) -> str:
    """Return what an order wants of the running item."""
    return "pause" if isinstance(order, Pause) else order.option


def refuse_order(order: Pause | Continue, message: str) -> OrderRefused:
    """Return that the item goes on as before."""
    return OrderRefused(number=UNNUMBERED, attempt=order.attempt, order=option_of(order), message=message)


def refuse_task(order: RunTask, now: float) -> TaskFinished:
    """Return that the task was not executed."""
    return TaskFinished(
        number=UNNUMBERED,
        task_uid=order.task_uid,
        success=False,
        message="A scanner executes no tasks.",
        time_start=now,
        time_stop=now,
    )


def answer_stop(order: EmergencyStop, device_id: str) -> StopReport:
    """Return that the scanner has not been reached: its protocol has no word for that."""
    note = DeviceNote(device=device_id, reason="it can be stopped at the scanner only")
    return StopReport(order=order.number, not_reached=(note,))
