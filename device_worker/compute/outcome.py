"""How the execution of a graph can end, and how far one has come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from device_worker.compute.output_files import FileEntry
from queue_server.protocol.items import Outcome


@dataclass(frozen=True, slots=True)
class GraphProgress:
    """How many of the node calls have ended with a value."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Completed:
    """All nodes have ended and all files are in place."""

    outcome: ClassVar[Outcome] = "completed"
    files: tuple[FileEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class Failed:
    """Something went wrong, and ``message`` says what.

    Attributes:
        node: the call at fault, such as ``coil_image[3]``; empty where no node is.
        traceback: of the code of the node or graph; empty where it raised nothing.
        process: the process that died, by name and process id; empty where none did.
        still_running: calls that could not be ended; only where the processes belong to an existing scheduler.
        files: those that were complete; the results of a failed graph are not all there.
    """

    outcome: ClassVar[Outcome] = "failed"
    message: str
    node: str = ""
    traceback: str = ""
    process: str = ""
    still_running: tuple[str, ...] = ()
    files: tuple[FileEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class Aborted:
    """The execution was cancelled.

    Attributes:
        still_running: calls that could not be ended; only where the processes belong to an existing scheduler. Nobody
            waits for them, they write no file, and each occupies its process until it returns by itself.
        files: those that were complete.
    """

    outcome: ClassVar[Outcome] = "aborted"
    message: str
    still_running: tuple[str, ...] = ()
    files: tuple[FileEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class Unknown:
    """The connection to the scheduler is lost, so that nobody knows which nodes have ended; ``files`` were complete."""

    outcome: ClassVar[Outcome] = "unknown"
    message: str
    still_running: tuple[str, ...] = ()
    files: tuple[FileEntry, ...] = ()


GraphOutcome = Completed | Failed | Aborted | Unknown
