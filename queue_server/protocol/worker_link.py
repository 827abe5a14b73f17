"""The messages between the manager and a worker: one union for each direction, msgpack on the wire.

Reports carry a number and are kept by the worker until acknowledged; telegrams are latest-value messages that may
be lost. Every message about an item carries the fencing token (epoch, attempt); the receiver drops what is late.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

from pydantic import ConfigDict, Field, TypeAdapter

from queue_server.protocol.codec import CLIENT_BOUNDS, WORKER_BOUNDS, Bounds, decode, encode
from queue_server.protocol.device_link import DeviceReading, ReadDevice
from queue_server.protocol.errors import EnvelopeError
from queue_server.protocol.items import AttemptKey, Outcome
from queue_server.protocol.launcher_link import LaneStanding
from queue_server.protocol.link_values import Count, Message, ToldAttempt, ToldRun, Whole, Word
from queue_server.protocol.records import ManifestEntry
from queue_server.protocol.result_schema import Extraction, Metrics
from queue_server.protocol.run_reports import RunClosed, RunOpened
from queue_server.protocol.tasks import TaskKind

VERSION = 1

M = TypeVar("M")

LONGEST_CONSOLE = 64 * 1024
"""Characters in one chunk of output; a worker sends half as much."""

# --- worker to manager: telegrams, which may be lost -----------------------------------------------------------


class Hello(Message):
    """First message after every connection: who serves which lane, and what it is doing."""

    kind: Literal["hello"] = "hello"
    version: int = VERSION
    lane: Word
    incarnation: Word
    pid: int
    environment: Literal["loading", "open", "failed"]
    re_state: Word | None = None
    attempt: ToldAttempt | None = None
    runs: tuple[ToldRun, ...] = ()
    tasks: tuple[str, ...] = Field(
        default=(), description="Uids of the tasks that run, or whose end is not yet acknowledged."
    )
    next_report: int = Field(ge=1, description="Number of the first report that is not yet acknowledged.")
    greeting: int = Field(default=0, ge=0, description="Number of this hello among those of the process, from 1.")


class Heartbeat(Message):
    """Sent every second from the link's own thread, so that a blocked plan can be told from a dead process."""

    kind: Literal["heartbeat"] = "heartbeat"
    main_thread_age_s: float = Field(ge=0, description="Seconds since the event loop of the RunEngine last answered.")


class Console(Message):
    """A chunk of what the worker printed or logged."""

    kind: Literal["console"] = "console"
    time: float
    text: str = Field(max_length=LONGEST_CONSOLE)
    dropped: int = Field(default=0, ge=0, description="Chunks lost before this one.")


class Progress(Message):
    """How far the running plan is; ``total`` is null where the plan does not say."""

    kind: Literal["progress"] = "progress"
    attempt: ToldAttempt
    points: Count
    total: Count | None = None


class Metadata(Message):
    """The metadata that the RunEngine puts into every run; sent with each welcome and after each change."""

    kind: Literal["metadata"] = "metadata"
    values: dict[str, Any]


class DeviceNote(Message):
    """A device, and why it does not count as stopped."""

    device: str
    reason: str


class StopReport(Message):
    """What an emergency stop has reached; ``order`` is the number of that.

    A device is stopped if its ``stop()`` has returned, failed if that has raised. Not reached are those without a
    ``stop()``, and those whose ``stop()`` had not returned in time. Where there are too many, the rest is counted.
    """

    kind: Literal["stop_report"] = "stop_report"
    order: int = Field(ge=1)
    stopped: tuple[str, ...] = ()
    failed: tuple[DeviceNote, ...] = ()
    not_reached: tuple[DeviceNote, ...] = ()
    omitted: int = Field(default=0, ge=0, description="Devices that are in none of the lists, for want of room.")


# --- worker to manager: reports, numbered and kept until acknowledged --------------------------------------------


class CatalogPage(Message):
    """Some descriptions of plans, devices or graphs; all pages come before the environment is reported open."""

    kind: Literal["catalog_page"] = "catalog_page"
    number: Count
    catalog: Literal["plans", "devices", "dags"]
    first: bool
    entries: dict[str, dict[str, Any]]


class EnvironmentOpened(Message):
    """The startup code is loaded and the RunEngine is ready."""

    kind: Literal["environment_opened"] = "environment_opened"
    number: Count


class EnvironmentFailed(Message):
    """The startup code could not be loaded; the worker ends after the acknowledgement."""

    kind: Literal["environment_failed"] = "environment_failed"
    number: Count
    message: str
    traceback: str = ""


class ItemAcknowledged(Message):
    """The item is resolved and handed to the RunEngine."""

    kind: Literal["item_acknowledged"] = "item_acknowledged"
    number: Count
    attempt: ToldAttempt


class REStateChanged(Message):
    """The RunEngine went into another state."""

    kind: Literal["re_state_changed"] = "re_state_changed"
    number: Count
    attempt: ToldAttempt | None = None
    re_state: Word


class OrderRefused(Message):
    """An order could not be carried out; the plan goes on as before."""

    kind: Literal["order_refused"] = "order_refused"
    number: Count
    attempt: ToldAttempt
    order: Word
    message: str


class ItemFinished(Message):
    """The attempt ended; times are seconds since 1970-01-01 UTC."""

    kind: Literal["item_finished"] = "item_finished"
    number: Count
    attempt: ToldAttempt
    outcome: Outcome
    time_start: float
    time_stop: float
    run_uids: tuple[str, ...] = ()
    scan_ids: tuple[Whole, ...] = ()
    message: str = ""
    traceback: str = ""
    points: Count = 0
    artifacts: tuple[ManifestEntry, ...] = Field(default=(), description="Files that the attempt has left behind.")
    metrics: Metrics = Field(default_factory=dict, description="Values by the columns of the result schema.")
    metrics_error: str = Field(default="", description="Why there are no metrics, although there is a schema.")


class EnvironmentUpdated(Message):
    """The pages that came before it are the new lists of plans and devices."""

    kind: Literal["environment_updated"] = "environment_updated"
    number: Count


class TaskFinished(Message):
    """A task ended; ``return_value`` is what JSON can say of it."""

    kind: Literal["task_finished"] = "task_finished"
    number: Count
    task_uid: str
    success: bool
    message: str = ""
    traceback: str = ""
    return_value: Any = None
    time_start: float
    time_stop: float


class EnvironmentClosed(Message):
    """The last report of an orderly end; the process ends after the acknowledgement."""

    kind: Literal["environment_closed"] = "environment_closed"
    number: Count


Telegram = Hello | Heartbeat | Console | Progress | Metadata | StopReport | DeviceReading
Report = (
    CatalogPage
    | EnvironmentOpened
    | EnvironmentFailed
    | ItemAcknowledged
    | RunOpened
    | RunClosed
    | REStateChanged
    | OrderRefused
    | ItemFinished
    | EnvironmentUpdated
    | TaskFinished
    | EnvironmentClosed
)
FromWorker = Telegram | Report | LaneStanding


# --- manager to worker -------------------------------------------------------------------------------------------


class Welcome(Message):
    """The answer to a hello: the manager's epoch, and whether it knows this worker at all.

    ``greeting`` is that of the hello. What was ordered before a later hello was compared with that hello, and counts
    as lost; a welcome that answers an earlier one must not let it through.
    """

    kind: Literal["welcome"] = "welcome"
    epoch: int
    greeting: int = Field(default=0, ge=0, description="0 where the hello had no number.")


class Dismiss(Message):
    """The answer to a hello of a worker that no lane expects: it must end without touching hardware."""

    kind: Literal["dismiss"] = "dismiss"
    reason: str


class Acknowledge(Message):
    """Every report up to and including ``number`` is committed."""

    kind: Literal["acknowledge"] = "acknowledge"
    number: int


class Execute(Message):
    """Run the item; ``content`` is the map that clients see, ``claims`` its devices in the worker, None for all.

    ``extraction`` says which values are its metrics, and which of its files are kept; None for all files.
    """

    kind: Literal["execute"] = "execute"
    attempt: AttemptKey
    content: dict[str, Any]
    claims: tuple[str, ...] | None = None
    extraction: Extraction | None = None


class Pause(Message):
    """Pause at the next checkpoint, or at once."""

    kind: Literal["pause"] = "pause"
    attempt: AttemptKey
    option: Literal["deferred", "immediate"]


class Continue(Message):
    """Go on with a paused plan, or end it."""

    kind: Literal["continue"] = "continue"
    attempt: AttemptKey
    option: Literal["resume", "stop", "abort", "halt"]


class RunTask(Message):
    """Run a task: on the main thread, which is free then, or in a thread of its own.

    ``content`` of a function: name, args, kwargs; of a script: script, update_lists, update_re; of an update: nothing.
    """

    kind: Literal["run_task"] = "run_task"
    task_uid: str
    task: TaskKind
    in_background: bool
    content: dict[str, Any]


class EmergencyStop(Message):
    """Stop everything that moves, and end the plan: at once, whatever the worker is doing.

    A plan that has not ended ``halt_after_s`` seconds after the order is halted. ``devices_s`` is how long the
    ``stop()`` of all devices may take before the report leaves. A repeat has a higher ``number`` and does it again.
    """

    kind: Literal["emergency_stop"] = "emergency_stop"
    number: int = Field(ge=1)
    reason: str
    devices_s: float = Field(gt=0)
    halt_after_s: float = Field(gt=0)


class Close(Message):
    """Close the environment; sent only while no item runs."""

    kind: Literal["close"] = "close"


ToWorker = Welcome | Dismiss | Acknowledge | Execute | Pause | Continue | RunTask | EmergencyStop | Close | ReadDevice

# What reads a message is made when the first one comes, or before that by ``prepare``.
_LATER = ConfigDict(defer_build=True)
_FROM_WORKER: TypeAdapter[FromWorker] = TypeAdapter(Annotated[FromWorker, Field(discriminator="kind")], config=_LATER)
_TO_WORKER: TypeAdapter[ToWorker] = TypeAdapter(Annotated[ToWorker, Field(discriminator="kind")], config=_LATER)


def prepare() -> None:
    """Make what reads the messages of workers, which takes a while."""
    _FROM_WORKER.rebuild()


def pack(message: FromWorker | ToWorker) -> bytes:
    """Return the msgpack frame of a message."""
    return encode(message.model_dump(), "msgpack")


def read_from_worker(frame: bytes, bounds: Bounds = WORKER_BOUNDS) -> FromWorker:
    """Return what a worker sent.

    Raises:
        EnvelopeError: the frame is malformed, too large, or no message of this direction.
    """
    return _read(_FROM_WORKER, frame, bounds)


def read_to_worker(frame: bytes, bounds: Bounds = CLIENT_BOUNDS) -> ToWorker:
    """Return what the manager sent.

    Raises:
        EnvelopeError: the frame is malformed, too large, or no message of this direction.
    """
    return _read(_TO_WORKER, frame, bounds)


def _read(adapter: TypeAdapter[M], frame: bytes, bounds: Bounds) -> M:
    value, _ = decode(frame, bounds)
    try:
        return adapter.validate_python(value)
    except ValueError as error:
        raise EnvelopeError(f"Not a message of the worker link: {error}") from error
