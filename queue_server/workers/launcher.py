"""Starts worker processes that outlive the manager, and finds those that an earlier manager started."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_OPTION = "--incarnation"


@dataclass(frozen=True, slots=True)
class WorkerCommand:
    """What every worker of this manager is started with."""

    link: str
    directory: Path
    startup: str
    permissions: Path | None = None
    device_max_depth: int = 0
    ignore_invalid_plans: bool = False

    def arguments(self, lane: str, incarnation: str) -> list[str]:
        """Return the command line of one worker."""
        options = ["--link", self.link, "--lane", lane, _OPTION, incarnation, "--state-dir", str(self.directory)]
        options += ["--startup", self.startup, "--device-max-depth", str(self.device_max_depth)]
        if self.permissions is not None:
            options += ["--user-group-permissions", str(self.permissions)]
        if self.ignore_invalid_plans:
            options.append("--ignore-invalid-plans")
        return [sys.executable, "-m", "device_worker", *options]


Launch = Callable[[str, str], "subprocess.Popen[bytes]"]


def local_launch(command: WorkerCommand) -> Launch:
    """Return a function that starts the worker of a lane as a process of this user, in a session of its own."""

    def launch(lane: str, incarnation: str) -> subprocess.Popen[bytes]:
        command.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        log = os.open(command.directory / f"{lane}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
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


def find_worker(incarnation: str, processes: Path = Path("/proc")) -> int | None:
    """Return the process id of the living worker of that incarnation, or None.

    The incarnation stands in the command line, so that a process id which was given to another program since is
    never taken for the worker.
    """
    wanted = [_OPTION.encode(), incarnation.encode()]
    for directory in processes.iterdir():
        if not directory.name.isdigit():
            continue
        try:
            words = (directory / "cmdline").read_bytes().split(b"\0")
            is_zombie = b") Z " in (directory / "stat").read_bytes()
        except OSError:
            continue
        at = words.index(wanted[0]) if wanted[0] in words else -1
        if at >= 0 and words[at : at + 2] == wanted and not is_zombie:
            return int(directory.name)
    return None
