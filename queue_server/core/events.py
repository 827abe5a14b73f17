"""Everything that can happen to the state. Times are seconds since 1970-01-01 UTC, read by whoever makes the event."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from queue_server.core.locks import LockCleared, LockSet
from queue_server.core.model import Awaited, Claims, Order
from queue_server.protocol.items import AttemptKey, Item
from queue_server.protocol.stop_limits import StopLimits
from queue_server.protocol.tasks import Task
from queue_server.protocol.worker_link import Hello, ItemFinished, Report, StopReport


class RecoveryFinished(Struct, frozen=True):
    """Every worker of the last epoch has reported, ended, or been given up."""


class EnvironmentOpenRequested(Struct, frozen=True):
    """A person wants the environment; ``incarnation`` names the process to come."""

    lane: str
    incarnation: str
    at: float


class EnvironmentCloseRequested(Struct, frozen=True):
    """A person wants the environment closed in order."""

    lane: str
    at: float


class EnvironmentDestroyRequested(Struct, frozen=True):
    """A person wants the worker process killed."""

    lane: str
    at: float


class QueueStartRequested(Struct, frozen=True):
    """A person starts the queue."""

    lane: str


class QueueStopRequested(Struct, frozen=True):
    """A person wants the queue to stop after the running item."""

    lane: str


class QueueStopCancelled(Struct, frozen=True):
    """A person takes the request to stop back."""

    lane: str


class AutostartSet(Struct, frozen=True):
    """A person wants the queue to start by itself whenever it can, or no longer."""

    lane: str
    is_enabled: bool


class ExecuteRequested(Struct, frozen=True):
    """A person wants an item to run at once, and nothing after it.

    A plan stands at the front of the queue for this. An instruction is named here, and never stands in the queue.
    """

    lane: str
    instruction: str = ""


class ModeSet(Struct, frozen=True):
    """The mode of a queue."""

    lane: str
    loop: bool
    ignore_failures: bool


class PauseRequested(Struct, frozen=True):
    """A person wants the running plan to pause; only that of ``item_uid``, if an item is named."""

    lane: str
    option: Literal["deferred", "immediate"]
    at: float
    item_uid: str | None = None


class ContinueRequested(Struct, frozen=True):
    """A person wants the paused plan to go on, or to end; only that of ``item_uid``, if an item is named."""

    lane: str
    order: Order
    at: float
    item_uid: str | None = None


class CancelRequested(Struct, frozen=True):
    """A person wants a running item ended in order, and nothing of it to run again: paused first, then aborted."""

    lane: str
    item_uid: str
    reason: str
    at: float


class OrderDeadlinePassed(Struct, frozen=True):
    """The time is over in which a worker that does not answer was to obey an order to end its plan."""

    lane: str
    key: AttemptKey
    order: Order
    order_since: float
    at: float = 0.0


class EstopRequested(Struct, frozen=True):
    """A person wants everything in a lane to stop moving, now."""

    lane: str
    by: str
    reason: str
    at: float
    limits: StopLimits = StopLimits()


class EstopRecorded(Struct, frozen=True):
    """The latch of a lane is part of the present transaction."""

    lane: str


class EstopReported(Struct, frozen=True):
    """A worker tells what it has stopped."""

    lane: str
    incarnation: str
    report: StopReport


class EstopDeadlinePassed(Struct, frozen=True):
    """The time is over in which the worker was to report, or in which all that it does was to end.

    ``latched_at`` and ``number`` name the emergency stop and the order that the deadline belongs to.
    """

    lane: str
    latched_at: float
    number: int
    what: Literal["report", "end"]
    at: float


class OrdersWithheld(Struct, frozen=True):
    """An emergency stop came before the start of an attempt, or of tasks, had left: the worker never got them."""

    lane: str
    key: AttemptKey | None
    tasks: tuple[str, ...]
    at: float


class EstopReset(Struct, frozen=True):
    """A permitted person releases the latch of a lane."""

    lane: str


class StopRequested(Struct, frozen=True):
    """The manager is to end. ``workers``: close idle ones and leave busy ones, or kill them all."""

    workers: Literal["close_idle", "kill"]
    at: float


class QueueChanged(Struct, frozen=True):
    """The store has changed the queue of a lane by ``added`` items (negative: removed; 0: another order)."""

    lane: str
    added: int


class HistoryChanged(Struct, frozen=True):
    """The store has changed the history by ``added`` entries."""

    added: int


class ItemClaimed(Struct, frozen=True):
    """The head of the queue is now running: its attempt is open, and will be durable before it is dispatched."""

    key: AttemptKey
    item: Item
    at: float
    is_immediate: bool = False
    claims: Claims = None


class ItemBlocked(Struct, frozen=True):
    """The head of the queue may not begin, because items of other lanes hold or await what it claims.

    Or else because it comes ``after`` items that are not completed.
    """

    lane: str
    item_uid: str
    claims: Claims
    at: float
    is_immediate: bool = False
    after: tuple[Awaited, ...] = ()


class InstructionReached(Struct, frozen=True):
    """The head of the queue was an instruction, and has been taken out."""

    lane: str
    name: str


class QueueExhausted(Struct, frozen=True):
    """There is nothing to claim: the queue is empty, or its head is held."""

    lane: str
    held_reason: str = ""


class LaneAdded(Struct, frozen=True):
    """There is a lane more, whose worker connects by itself."""

    lane: str


class LaneRemoved(Struct, frozen=True):
    """A lane whose worker connects by itself is not wanted any more; ``is_forced`` gives up what runs in it."""

    lane: str
    reason: str
    at: float
    is_forced: bool = False


class HoldReleased(Struct, frozen=True):
    """A person has dealt with the held item of a lane."""

    lane: str


class CatalogChanged(Struct, frozen=True):
    """The lists of plans and devices have other contents than before."""

    plans: bool
    devices: bool


class TaskRequested(Struct, frozen=True):
    """A person wants a function or a script to run in the worker's namespace."""

    task: Task


class PermissionsChanged(Struct, frozen=True):
    """The permissions of user groups were set, or read again."""


class WorkerConnected(Struct, frozen=True):
    """A worker said hello on a new connection."""

    hello: Hello
    at: float = 0.0


class WorkerReported(Struct, frozen=True):
    """A worker sent a numbered report."""

    lane: str
    incarnation: str
    report: Report
    at: float


class WorkerExited(Struct, frozen=True):
    """The process of a worker is gone; ``cause`` says how, as far as it is known.

    ``finished`` are the finish records that it had written down and may not have delivered.
    """

    lane: str
    incarnation: str
    cause: str
    at: float
    finished: tuple[ItemFinished, ...] = ()


class WorkerAnswering(Struct, frozen=True):
    """Whether heartbeats arrive and the RunEngine's event loop answers."""

    lane: str
    incarnation: str
    answering: bool
    at: float = 0.0


Event = (
    RecoveryFinished
    | EnvironmentOpenRequested
    | EnvironmentCloseRequested
    | EnvironmentDestroyRequested
    | QueueStartRequested
    | QueueStopRequested
    | QueueStopCancelled
    | AutostartSet
    | ExecuteRequested
    | LockSet
    | LockCleared
    | ModeSet
    | PauseRequested
    | ContinueRequested
    | CancelRequested
    | OrderDeadlinePassed
    | EstopRequested
    | EstopRecorded
    | EstopReported
    | EstopDeadlinePassed
    | OrdersWithheld
    | EstopReset
    | StopRequested
    | QueueChanged
    | HistoryChanged
    | ItemClaimed
    | ItemBlocked
    | InstructionReached
    | QueueExhausted
    | LaneAdded
    | LaneRemoved
    | HoldReleased
    | CatalogChanged
    | PermissionsChanged
    | TaskRequested
    | WorkerConnected
    | WorkerReported
    | WorkerExited
    | WorkerAnswering
)
