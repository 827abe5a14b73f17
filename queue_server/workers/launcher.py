"""Starts worker processes that outlive the manager, and finds those that an earlier manager started."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Self

from msgspec import Struct, field

from queue_server.protocol.lane_settings import LaneSettings
from queue_server.workers.sockets import KeyFiles

LOG_LIMIT_BYTES = 10 * 1024 * 1024
LOGS_KEPT = 5

_OPTION = "--incarnation"


class GraphWork(Struct, frozen=True):
    """What a worker that executes processing graphs is told more: where it keeps files, and on what it computes."""

    data: Path
    processes: int | None = None
    memory_limit_mib: int | None = None
    scheduler: Path | None = None

    @classmethod
    def of(cls, lane: LaneSettings, data: Path) -> Self | None:
        """Return what the settings of a lane say; None for one that executes plans."""
        return cls(data, lane.processes, lane.memory_limit_mib, lane.scheduler) if lane.executes_graphs else None

    def options(self) -> list[str]:
        """Return the options of the worker."""
        options = ["--graphs-in", str(self.data)]
        numbers = {"--graph-processes": self.processes, "--graph-memory-mib": self.memory_limit_mib}
        for name, value in {**numbers, "--graph-scheduler": self.scheduler}.items():
            options += [] if value is None else [name, str(value)]
        return options


class WorkerCommand(Struct, frozen=True):
    """What every worker of this manager is started with; ``others`` are the commands of lanes with other code.

    ``data`` is the data directory, where files of attempts are kept as artifacts; None for a worker on another host.
    ``documents`` is where documents of runs are published; None if they are not.
    """

    link: str
    directory: Path
    startup: str
    device_max_depth: int = 0
    ignore_invalid_plans: bool = False
    list_file: Path | None = None
    update_list_file: str = "never"
    keys: KeyFiles | None = None
    graphs: GraphWork | None = None
    data: Path | None = None
    documents: str | None = None
    others: Mapping[str, WorkerCommand] = field(default_factory=dict[str, "WorkerCommand"])

    def arguments(self, lane: str, incarnation: str) -> list[str]:
        """Return the command line of one worker that is started here."""
        return [sys.executable, "-m", "device_worker", *self.options(lane, incarnation)]

    def options(self, lane: str, incarnation: str) -> list[str]:
        """Return the options of one worker, wherever its program is."""
        if lane in self.others:
            return self.others[lane].options(lane, incarnation)
        options = ["--link", self.link, "--lane", lane, _OPTION, incarnation, "--state-dir", str(self.directory)]
        options += ["--startup", self.startup, "--device-max-depth", str(self.device_max_depth)]
        if self.list_file is not None and self.update_list_file != "never":
            options += ["--list-file", str(self.list_file), "--update-list-file", self.update_list_file]
        if self.ignore_invalid_plans:
            options.append("--ignore-invalid-plans")
        if self.data is not None:
            options += ["--data", str(self.data)]
        if self.documents is not None and self.graphs is None:
            options += ["--documents", self.documents]
        if self.graphs is not None:
            options += self.graphs.options()
        if self.keys is not None:
            options += ["--secret-key-file", str(self.keys.secret), "--manager-key-file", str(self.keys.manager)]
        return options


Launch = Callable[[str, str], "subprocess.Popen[bytes]"]


def local_launch(command: WorkerCommand) -> Launch:
    """Return a function that starts the worker of a lane as a process of this user, in a session of its own."""

    def launch(lane: str, incarnation: str) -> subprocess.Popen[bytes]:
        command.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = command.directory / f"{lane}.log"
        make_room(path)
        log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            return subprocess.Popen(
                command.arguments(lane, incarnation),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                close_fds=True,
            )
        finally:
            os.close(log)

    return launch


def make_room(log: Path, limit_bytes: int = LOG_LIMIT_BYTES) -> None:
    """Let a log of more than ``limit_bytes`` become the newest of the old ones, of which a few are kept.

    Raises:
        OSError: a file cannot be renamed.
    """
    if not log.exists() or log.stat().st_size <= limit_bytes:
        return
    names = [log, *(log.with_name(f"{log.name}.{number}") for number in range(1, LOGS_KEPT))]
    for younger, older in reversed(list(pairwise(names))):
        if younger.exists():
            younger.replace(older)


def find_worker(incarnation: str, processes: Path = Path("/proc")) -> int | None:
    """Return the process id of the living worker of that incarnation, or None.

    The incarnation stands in the command line, so that a process id which was given to another program since is
    never taken for the worker. A process that the worker has forked has the same command line, and may outlive it,
    but only the worker leads the process group.
    """
    wanted = [_OPTION.encode(), incarnation.encode()]
    for directory in processes.iterdir():
        if not directory.name.isdigit():
            continue
        try:
            words = (directory / "cmdline").read_bytes().split(b"\0")
            at = words.index(wanted[0]) if wanted[0] in words else -1
            if at >= 0 and words[at : at + 2] == wanted and _lives_and_leads(directory):
                return int(directory.name)
        except OSError:
            continue
    return None


def _lives_and_leads(process: Path) -> bool:
    """Return whether a process has not ended, and leads its group."""
    # What stands before may be any name.
    state, _, group = (process / "stat").read_bytes().rpartition(b") ")[2].split(b" ")[:3]
    return state != b"Z" and group == process.name.encode()
