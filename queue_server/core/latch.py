"""The latch of an emergency stop: what it forbids, what it still waits for, and what it orders from a worker.

Decides nothing about when a lane is latched or released.
"""

from __future__ import annotations

from queue_server.core.effects import Effect, Remind, Send
from queue_server.core.events import EstopDeadlinePassed
from queue_server.core.model import Attempt, Lane
from queue_server.protocol.errors import StateError
from queue_server.protocol.items import Result
from queue_server.protocol.worker_link import EmergencyStop

# How much longer than the devices have the worker's report may take.
REPORT_MARGIN_S = 0.5


def is_latched(lane: Lane) -> bool:
    """Whether an emergency stop holds the lane until somebody resets it."""
    return lane.condition == "estopped"


def require_released(lane: Lane) -> None:
    """Refuse what could move something in a latched lane.

    Raises:
        StateError: the lane is latched; the message says by whom and why, and what releases it.
    """
    if is_latched(lane):
        by = f" by {lane.estop.by}" if lane.estop is not None and lane.estop.by else ""
        raise StateError(
            f"The lane {lane.name!r} is stopped by an emergency stop{by}: {lane.reason}. "
            "Make sure that it is safe, then release it with estop_reset.",
            details={"lane": lane.name, "condition": lane.condition},
        )


def is_busy(lane: Lane) -> bool:
    """Whether something is under way in the worker of a lane that could move devices."""
    return lane.attempt is not None or bool(lane.tasks) or lane.worker.stray is not None


def is_settled(lane: Lane) -> bool:
    """Whether nothing of an emergency stop is waited for: the worker has answered and is idle, or there is none."""
    if lane.worker.environment == "closed":
        return True
    has_answered = lane.estop is None or lane.estop.answer == "reported"
    return lane.worker.environment != "destroying" and has_answered and not is_busy(lane)


def order_stop(lane: Lane) -> tuple[Effect, ...]:
    """Return the order to stop for the worker of a latched lane, and what reminds of its deadlines."""
    estop = lane.estop
    if estop is None or lane.worker.environment not in ("open", "closing"):
        return ()
    limits = estop.limits
    order = EmergencyStop(
        number=estop.number, reason=lane.reason, devices_s=limits.devices_s, halt_after_s=limits.halt_s
    )
    report = EstopDeadlinePassed(lane.name, estop.at, estop.number, "report", 0.0)
    reminder = Remind(limits.devices_s + REPORT_MARGIN_S, report)
    return (Send(lane.worker.incarnation, order), reminder, *remind_of_end(lane))


def remind_of_end(lane: Lane) -> tuple[Effect, ...]:
    """Return what reminds of the time at which a worker that has not come to rest is killed."""
    estop = lane.estop
    if estop is None or is_settled(lane):
        return ()
    event = EstopDeadlinePassed(lane.name, estop.at, estop.number, "end", 0.0)
    return (Remind(estop.limits.kill_s, event),)


def order_again(lane: Lane) -> tuple[Effect, ...]:
    """Return what a worker that says hello in a latched lane has to be told: the order may have been lost."""
    return () if is_settled(lane) else order_stop(lane)


def withheld(lane: Lane, attempt: Attempt) -> Result:
    """Return the result of an attempt that never reached its worker."""
    return Result(
        outcome="aborted",
        time_start=attempt.time_start,
        time_stop=attempt.time_start,
        message=f"The emergency stop came before the plan was started: {lane.reason}",
    )
