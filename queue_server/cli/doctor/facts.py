"""What was observed, as frozen values: the material of the checks. Times are in seconds, sizes in bytes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct, field

Speech = Literal["curve", "plain", "http", "tls", "silent", "refused", "other"]
"""What a socket speaks: ZMTP with CURVE or without, HTTP with TLS or without; or that it does not answer."""

FileKind = Literal["private", "secret", "database", "list", "tls_key", "socket", "link", "directory", "shared"]


class StoreFacts(Struct, frozen=True):
    """What the examination of the store told; ``failed`` says why it told less than everything."""

    surroundings: Mapping[str, Any] | None = None
    data: Mapping[str, Any] | None = None
    backup: Mapping[str, Any] | None = None
    failed: str = ""


class DiskFacts(Struct, frozen=True):
    """The disk of a directory; ``database_bytes`` is the size of the database with its log."""

    path: Path
    free_bytes: int
    free_files: int | None
    database_bytes: int
    has_ballast: bool
    wants_ballast: bool


class ClockFacts(Struct, frozen=True):
    """The wall clock, and what it is compared with; ``moved_s`` is since the manager has started, None without one."""

    wall: float
    is_synchronised: bool | None
    moved_s: float | None


class VersionFacts(Struct, frozen=True):
    """What is installed, each as text; empty where it cannot be loaded."""

    python: tuple[int, ...]
    sqlite: str
    libzmq: str
    installed: str
    running: str = ""


class FileFacts(Struct, frozen=True):
    """A file or directory; ``mode`` is None where it is missing, ``name`` says what it is."""

    path: Path
    kind: FileKind
    name: str
    mode: int | None
    owner: int | None


class SocketFacts(Struct, frozen=True):
    """A socket that listens, or should; ``holder`` is its process, None where that is unknown or nobody listens."""

    name: str
    host: str
    port: int
    is_listening: bool
    holder: int | None
    holder_name: str
    owner: int | None
    speech: Speech | None

    @property
    def address(self) -> str:
        """Host and port."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class ProcessFacts(Struct, frozen=True):
    """A process; ``state`` is the letter of the kernel, ``unit`` the unit of systemd that it is the main process of."""

    pid: int
    state: str
    age_s: float
    unit: str = ""
    watchdog_s: float | None = None


class Answer(Struct, frozen=True):
    """What came back; ``waited_s`` is how long it was waited for, ``error`` is empty if it answered well."""

    waited_s: float
    error: str = ""
    content: Mapping[str, Any] = field(default_factory=dict[str, Any])


class SystemFacts(Struct, frozen=True):
    """The processes of a data directory, and what manager and gateway answered; None where there is none."""

    data: Path
    supervisor: ProcessFacts | None
    manager: ProcessFacts | None
    gateway: ProcessFacts | None
    workers: tuple[ProcessFacts, ...]
    manager_answer: Answer | None = None
    gateway_answer: Answer | None = None
    wants_gateway: bool = True
    has_launchers: bool = False
