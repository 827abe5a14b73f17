"""Manager ↔ launcher of a lane. The manager says what it wants of one worker: open it, watch it or kill it.

A launcher on the same host has a socket of its own, with one line of JSON for each message and one conversation for
each worker: it answers that the worker runs, as which process, and at last how it has ended. A launcher on another host
connects to the worker link, and tells there how its lane stands, whenever that changes and each second.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from queue_server.protocol.codec import CLIENT_BOUNDS, decode, encode
from queue_server.protocol.errors import EnvelopeError

LONGEST_LINE_BYTES = 64 * 1024

STANDING_EACH_S = 1.0
"""How often a launcher on another host tells how its lane stands, if nothing changes."""

MOST_ENDS = 16
"""Of so many workers a launcher remembers how they ended, for a manager that was away."""

Incarnation = Annotated[str, Field(min_length=1, max_length=128)]


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


class OpenWorker(_Message):
    """Start the worker of the lane with these options; if it runs already, watch it."""

    kind: Literal["open"] = "open"
    incarnation: Incarnation
    options: list[Annotated[str, Field(max_length=4096)]] = Field(max_length=64)


class WatchWorker(_Message):
    """Tell what is known of a worker, and its end."""

    kind: Literal["watch"] = "watch"
    incarnation: Incarnation


class EndWorker(_Message):
    """Kill a worker and everything in its session."""

    kind: Literal["end"] = "end"
    incarnation: Incarnation


class WorkerRuns(_Message):
    """The worker runs, as this process."""

    kind: Literal["runs"] = "runs"
    pid: int = Field(gt=0)


class WorkerGone(_Message):
    """The worker does not run, and why; nothing more follows."""

    kind: Literal["gone"] = "gone"
    cause: str = Field(max_length=4096)


class LaneStanding(_Message):
    """From a launcher on another host: which worker it has, and how the last ones have ended, by incarnation."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["lane_standing"] = "lane_standing"
    lane: Annotated[str, Field(min_length=1, max_length=128)]
    running: Incarnation | None = None
    ends: dict[Incarnation, Annotated[str, Field(max_length=4096)]] = Field(
        default_factory=dict[str, str], max_length=MOST_ENDS + 1
    )


ToLauncher = OpenWorker | WatchWorker | EndWorker
FromLauncher = WorkerRuns | WorkerGone

_later = ConfigDict(defer_build=True)
_to_launcher: TypeAdapter[ToLauncher] = TypeAdapter(Annotated[ToLauncher, Field(discriminator="kind")], config=_later)
_from_launcher: TypeAdapter[FromLauncher] = TypeAdapter(
    Annotated[FromLauncher, Field(discriminator="kind")], config=_later
)


def write_line(message: ToLauncher | FromLauncher) -> bytes:
    """Return the line for a message."""
    return message.model_dump_json().encode() + b"\n"


def read_to_launcher(line: bytes) -> ToLauncher:
    """Return the order in a line.

    Raises:
        EnvelopeError: it is none.
    """
    try:
        return _to_launcher.validate_json(line)
    except ValidationError as error:
        raise EnvelopeError(f"not an order to a launcher: {_first(error)}") from error


def pack_order(order: ToLauncher) -> bytes:
    """Return the frame for an order to a launcher on another host."""
    return encode(order.model_dump(), "msgpack")


def unpack_order(frame: bytes) -> ToLauncher:
    """Return the order in a frame.

    Raises:
        EnvelopeError: it is none.
    """
    value, _ = decode(frame, CLIENT_BOUNDS)
    try:
        return _to_launcher.validate_python(value)
    except ValidationError as error:
        raise EnvelopeError(f"not an order to a launcher: {_first(error)}") from error


def read_from_launcher(line: bytes) -> FromLauncher:
    """Return the answer in a line.

    Raises:
        EnvelopeError: it is none.
    """
    try:
        return _from_launcher.validate_json(line)
    except ValidationError as error:
        raise EnvelopeError(f"not an answer of a launcher: {_first(error)}") from error


def _first(error: ValidationError) -> str:
    problem = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, problem['loc'])) or 'message'}: {problem['msg']}"
