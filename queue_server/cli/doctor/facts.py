"""What was observed, as frozen values: the material of the checks. Times are in seconds, sizes in bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Speech = Literal["curve", "plain", "http", "tls", "silent", "refused", "other"]
"""What a socket speaks: ZMTP with CURVE or without, HTTP with TLS or without; or that it does not answer."""

FileKind = Literal["private", "secret", "database", "list", "tls_key", "socket", "link", "directory", "shared"]


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """What the examination of the store told; ``failed`` says why it told less than everything."""

    surroundings: Mapping[str, Any] | None = None
    data: Mapping[str, Any] | None = None
    backup: Mapping[str, Any] | None = None
    failed: str = ""


@dataclass(frozen=True, slots=True)
class DiskFacts:
    """The disk of a directory; ``database_bytes`` is the size of the database with its log."""

    path: Path
    free_bytes: int
    free_files: int | None
    database_bytes: int
    has_ballast: bool
    wants_ballast: bool


@dataclass(frozen=True, slots=True)
class ClockFacts:
    """The wall clock, and what it is compared with; ``moved_s`` is since the manager has started, None without one."""

    wall: float
    is_synchronised: bool | None
    moved_s: float | None


@dataclass(frozen=True, slots=True)
class VersionFacts:
    """What is installed, each as text; empty where it cannot be loaded."""

    python: tuple[int, ...]
    sqlite: str
    libzmq: str
    installed: str
    running: str = ""


@dataclass(frozen=True, slots=True)
class FileFacts:
    """A file or directory; ``mode`` is None where it is missing, ``name`` says what it is."""

    path: Path
    kind: FileKind
    name: str
    mode: int | None
    owner: int | None


@dataclass(frozen=True, slots=True)
class SocketFacts:
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


@dataclass(frozen=True, slots=True)
class ProcessFacts:
    """A process; ``state`` is the letter of the kernel, ``unit`` the unit of systemd that it is the main process of."""

    pid: int
    state: str
    age_s: float
    unit: str = ""
    watchdog_s: float | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; ``waited_s`` is how long it was waited for, ``error`` is empty if it answered well."""

    waited_s: float
    error: str = ""
    content: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class SystemFacts:
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
