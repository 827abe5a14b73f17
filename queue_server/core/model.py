"""The state of the manager: frozen values that only ``machine.step`` replaces.

The state holds environments, lanes, open attempts, modes and counters. It does not hold the queue: that is the store.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, field
from msgspec.structs import replace

from queue_server.core.locks import OPEN, Lock
from queue_server.protocol.errors import NotFoundError
from queue_server.protocol.items import DEFAULT_LANE, AttemptKey, FailurePolicy, Run
from queue_server.protocol.stop_limits import StopLimits
from queue_server.protocol.tasks import Task
from queue_server.protocol.worker_link import StopReport

Environment = Literal["closed", "opening", "open", "closing", "destroying"]
Queue = Literal["stopped", "starting", "running"]
AttemptPhase = Literal["dispatched", "acknowledged", "running"]
Condition = Literal["open", "held", "estopped"]
Order = Literal["pause_deferred", "pause_immediate", "resume", "stop", "abort", "halt"]
ManagerPhase = Literal["recovering", "serving", "stopping", "stopped"]

StopAnswer = Literal["awaited", "reported", "silent", "killed", "none"]

Claims = frozenset[str] | None
"""Names of devices that hold across the facility; None is everything that the worker of a lane can reach."""

PAUSES: frozenset[Order] = frozenset(("pause_deferred", "pause_immediate"))
ENDS: frozenset[Order] = frozenset(("stop", "abort", "halt"))

COMPUTING = "computing"
"""What a worker tells in place of a state of the RunEngine while it executes a processing graph."""


class Wait(Struct, frozen=True):
    """What is waited for, and since when in seconds since 1970-01-01 UTC."""

    what: str
    since: float


class Worker(Struct, frozen=True):
    """The process that serves a lane, as far as it is known.

    ``stray`` is an attempt that it carries out and that is not, or not any more, the open one of its lane.
    """

    environment: Environment = "closed"
    incarnation: str = ""
    connected: bool = False
    answering: bool = True
    silent_since: float | None = None
    re_state: str | None = None
    failure: str = ""
    wait: Wait | None = None
    stray: AttemptKey | None = None


class Attempt(Struct, frozen=True):
    """The execution that is under way in a lane.

    ``cancellation`` is why a person wants it ended, whatever it takes: as soon as it is paused it is aborted, and
    nothing of it runs again.
    """

    key: AttemptKey
    time_start: float
    phase: AttemptPhase = "dispatched"
    runs: tuple[Run, ...] = ()
    order: Order | None = None
    order_since: float = 0.0
    order_sent: bool = False
    is_immediate: bool = False
    claims: Claims = None
    cancellation: str = ""


class Awaited(Struct, frozen=True):
    """An item by the uid under which another one comes after it, and the lane in which it waits or runs.

    It ``is_held`` if all that is left of its submission is.
    """

    item_uid: str
    lane: str
    is_held: bool = False


class Waiting(Struct, frozen=True):
    """The head of a queue that others keep from beginning, what it claims, and since when its lane waits.

    The lane with the lowest ticket has waited longest. ``is_asked`` is set until the store has answered. While the
    head comes after items that are not completed, it claims nothing yet and stands in no line.
    """

    item_uid: str
    claims: Claims
    since: float
    ticket: int = 1
    is_asked: bool = False
    after: tuple[Awaited, ...] = ()


class SharedDevice(Struct, frozen=True):
    """A device that workers of several lanes reach: its name in the facility, and pairs of lane and name there."""

    name: str
    places: tuple[tuple[str, str], ...]


class Estop(Struct, frozen=True):
    """The emergency stop that latches a lane: who ordered it and when, and what the worker has answered.

    ``number`` counts the orders since then. The answer is awaited, reported, missing after the deadline (silent),
    replaced by the end of the process (killed), or not to be expected, because there is no worker (none).
    """

    by: str
    at: float
    limits: StopLimits = StopLimits()
    number: int = 1
    answer: StopAnswer = "awaited"
    report: StopReport | None = None
    is_recorded: bool = False


class Lane(Struct, frozen=True):
    """An ordered queue served by one worker; at most one attempt is under way in it.

    The worker of a lane that ``is_remote`` connects by itself, and is not started here: a scanner.
    """

    name: str = DEFAULT_LANE
    worker: Worker = Worker()
    queue: Queue = "stopped"
    attempt: Attempt | None = None
    tasks: tuple[Task, ...] = ()
    condition: Condition = "open"
    reason: str = ""
    loop: bool = False
    ignore_failures: bool = False
    stop_pending: bool = False
    autostart: bool = False
    on_failure: FailurePolicy = "front"
    size: int = 0
    estop: Estop | None = None
    waiting: Waiting | None = None
    is_remote: bool = False

    @property
    def is_idle(self) -> bool:
        """Whether nothing runs, starts, opens or closes in this lane."""
        is_free = self.queue == "stopped" and self.attempt is None and self.foreground_task is None
        return is_free and self.worker.stray is None and self.worker.environment in ("closed", "open")

    @property
    def foreground_task(self) -> Task | None:
        """The task that occupies the worker's main thread, if there is one."""
        return next((task for task in self.tasks if not task.in_background), None)

    @property
    def moving(self) -> Task | None:
        """A task that moves a device, if there is one."""
        return next((task for task in self.tasks if task.moves), None)


class Revisions(Struct, frozen=True):
    """How often each part that clients cache has changed; the uids that they compare derive from these numbers."""

    queue: int = 0
    history: int = 0
    runs: int = 0
    plans_existing: int = 0
    devices_existing: int = 0
    plans_allowed: int = 0
    devices_allowed: int = 0
    lock: int = 0
    tasks: int = 0


class State(Struct, frozen=True):
    """Everything that decides what may happen next."""

    epoch: int
    phase: ManagerPhase = "recovering"
    lanes: tuple[Lane, ...] = (Lane(),)
    revisions: Revisions = field(default_factory=Revisions)
    history_size: int = 0
    lock: Lock = OPEN
    shared: tuple[SharedDevice, ...] = ()

    def lane(self, name: str) -> Lane:
        """Return the lane of that name.

        Raises:
            NotFoundError: there is none.
        """
        for lane in self.lanes:
            if lane.name == name:
                return lane
        raise NotFoundError(f"There is no lane {name!r}. Lanes: {[lane.name for lane in self.lanes]}.")

    def with_lane(self, changed: Lane) -> State:
        """Return this state with one lane replaced."""
        lanes = tuple(changed if lane.name == changed.name else lane for lane in self.lanes)
        return replace(self, lanes=lanes)

    def bump(self, *parts: str) -> State:
        """Return this state with the revisions of ``parts`` raised by one."""
        raised = {part: getattr(self.revisions, part) + 1 for part in parts}
        return replace(self, revisions=replace(self.revisions, **raised))
