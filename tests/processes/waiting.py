"""Waiting with a deadline, and looking for processes: what every test with real processes needs."""

from __future__ import annotations

import os
import select
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

# Far longer than anything takes, also where many other things run: it decides only when a test that fails gives up.
PATIENCE_S = 60.0

# Only for what gives no event: files that another process writes, and the state of a process in /proc.
LOOK_AGAIN_S = 0.01

_never = threading.Event()


class Deadline:
    """A point in time until which something must have happened."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._at = time.monotonic() + seconds

    @property
    def left_s(self) -> float:
        """Seconds until the deadline, not less than 0."""
        return max(0.0, self._at - time.monotonic())

    def check(self, what: str) -> None:
        """Raise TimeoutError if the deadline has passed."""
        if self.left_s <= 0:
            raise TimeoutError(f"{what}: not within {self._seconds:g} s")


def wait_until(found: Callable[[], T], what: str, seconds: float = PATIENCE_S) -> T:
    """Return the first true value of ``found``, which is asked again and again."""
    deadline = Deadline(seconds)
    while not (value := found()):
        deadline.check(what)
        _never.wait(LOOK_AGAIN_S)
    return value


def wait_for_text(file: Path, text: str, seconds: float = PATIENCE_S) -> str:
    """Return the content of a file once it contains ``text``."""

    def content() -> str:
        written = file.read_text(errors="replace") if file.exists() else ""
        return written if text in written else ""

    return wait_until(content, f"{text!r} in {file.name}", seconds)


def wait_for_end(pid: int, seconds: float = PATIENCE_S) -> None:
    """Wait until a process has ended (it may still be a zombie)."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        ready, _, _ = select.select([handle], [], [], seconds)
    finally:
        os.close(handle)
    if not ready:
        raise TimeoutError(f"process {pid} lives: it did not end within {seconds:g} s")


def kill(*pids: int) -> None:
    """Kill processes at once and wait until all of them are gone."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    for pid in pids:
        wait_for_end(pid)


def processes_of(mark: str) -> dict[int, str]:
    """Return the living processes that carry ``mark`` in their command line or environment: id and command line."""
    wanted = os.fsencode(mark)
    found: dict[int, str] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            command, environment = (entry / "cmdline").read_bytes(), (entry / "environ").read_bytes()
            state = (entry / "stat").read_text().rpartition(") ")[2][:1]
        except OSError:
            continue
        if state != "Z" and (wanted in command or wanted in environment):
            found[int(entry.name)] = command.replace(b"\0", b" ").decode(errors="replace")
    return found


def resident_bytes(pid: int) -> int:
    """Return the resident memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
