"""Manager ↔ launcher of a lane: one line of JSON for each message, one conversation for each worker.

The manager says what it wants of one worker: open it, watch it or kill it. The launcher answers that it runs, as which
process, and at last how it has ended.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from queue_server.protocol.errors import EnvelopeError

LONGEST_LINE_BYTES = 64 * 1024

Incarnation = Annotated[str, Field(min_length=1, max_length=128)]


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


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


ToLauncher = OpenWorker | WatchWorker | EndWorker
FromLauncher = WorkerRuns | WorkerGone

_to_launcher: TypeAdapter[ToLauncher] = TypeAdapter(Annotated[ToLauncher, Field(discriminator="kind")])
_from_launcher: TypeAdapter[FromLauncher] = TypeAdapter(Annotated[FromLauncher, Field(discriminator="kind")])


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
