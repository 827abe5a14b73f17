"""Everything that the core can order. Store effects are performed inside the turn, the others after its commit."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from queue_server.core.events import EstopDeadlinePassed, OrderDeadlinePassed
from queue_server.protocol.items import AttemptKey, Item, Result, Run
from queue_server.protocol.result_schema import Extraction
from queue_server.protocol.tasks import Task, TaskResult
from queue_server.protocol.worker_link import ToWorker

# --- performed inside the turn's transaction ---------------------------------------------------------------------


class ClaimNext(Struct, frozen=True):
    """Claim the head of the queue; the answer returns as an event."""

    lane: str
    is_immediate: bool = False


class RecordPhase(Struct, frozen=True):
    """Write how far an attempt is."""

    key: AttemptKey
    phase: Literal["acknowledged", "running"]


class RecordRunOpened(Struct, frozen=True):
    """Write a run of an attempt."""

    key: AttemptKey
    run: Run


class RecordRunClosed(Struct, frozen=True):
    """Write the end of a run."""

    key: AttemptKey
    run_uid: str
    exit_status: str


class FinishAttempt(Struct, frozen=True):
    """Move the item to the history; put a copy of the same submission back where ``copy`` says."""

    key: AttemptKey
    result: Result
    copy: Literal["none", "front", "back", "held"] = "none"
    hold_reason: str = ""


class RecordTask(Struct, frozen=True):
    """Write a task that is about to be sent."""

    task: Task


class FinishTask(Struct, frozen=True):
    """Write how a task ended."""

    uid: str
    result: TaskResult


class Redispatch(Struct, frozen=True):
    """Send the item of an open attempt again: the worker says that it never arrived, and ignores a second one."""

    key: AttemptKey


# --- performed after the commit ----------------------------------------------------------------------------------


class Dispatch(Struct, frozen=True):
    """Send the item of an attempt to its worker, with the names that the worker has for what it claims.

    The core leaves ``extraction`` out; the turn fills in what the store knows of it.
    """

    key: AttemptKey
    item: Item
    claims: tuple[str, ...] | None = None
    extraction: Extraction | None = None


class Send(Struct, frozen=True):
    """Send a message to a worker."""

    incarnation: str
    message: ToWorker


class StartWorker(Struct, frozen=True):
    """Start a worker process."""

    lane: str
    incarnation: str


class KillWorker(Struct, frozen=True):
    """Kill a worker process; its exit returns as an event."""

    lane: str
    incarnation: str


class Remind(Struct, frozen=True):
    """Let an event happen ``after_s`` seconds from now; its time is then that of the reminder."""

    after_s: float
    event: EstopDeadlinePassed | OrderDeadlinePassed


class EndProcess(Struct, frozen=True):
    """End the manager process after the replies have left."""


StoreEffect = (
    ClaimNext | RecordPhase | RecordRunOpened | RecordRunClosed | FinishAttempt | RecordTask | FinishTask | Redispatch
)
OuterEffect = Dispatch | Send | StartWorker | KillWorker | Remind | EndProcess
Effect = StoreEffect | OuterEffect
STORE_EFFECTS = (
    ClaimNext,
    RecordPhase,
    RecordRunOpened,
    RecordRunClosed,
    FinishAttempt,
    RecordTask,
    FinishTask,
    Redispatch,
)
