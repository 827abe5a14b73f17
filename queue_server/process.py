"""Processes of a data directory: who holds a pid file, who writes into a named pipe, which workers live; ending one.

Also a process that waits until it is needed; what it is needed for it does not know.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import select
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

from queue_server.protocol.errors import CuelightError

_PR_SET_PDEATHSIG = 1

PAUSE_PATIENCE_S = 30.0
"""How long a manager that ends waits for running plans to pause, where it is set to."""

SUPERVISOR_FILE = "supervisor.pid"
"""The file in the data directory that the supervisor holds while it runs."""


class PidFileTakenError(CuelightError):
    """Another process serves this data directory."""

    code = "already_running"
    http_status = 409
    exit_code = 2


class PidFile:
    """A file that names the process which holds it; the claim ends with the process, however that dies."""

    @staticmethod
    @contextmanager
    def claim(path: Path) -> Iterator[None]:
        """Hold the file inside the block.

        Raises:
            PidFileTakenError: another process holds it.
        """
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                pid = os.read(handle, 32).decode().strip()
                raise PidFileTakenError(
                    f"Cuelight runs already on {path.parent} (process {pid}). Ask it with `cuelight status`, "
                    f"end it with `cuelight down --data {path.parent}`, or choose another directory with --data."
                ) from error
            os.ftruncate(handle, 0)
            os.write(handle, f"{os.getpid()}\n".encode())
            yield
            os.ftruncate(handle, 0)
        finally:
            os.close(handle)

    @staticmethod
    def holder(path: Path) -> int | None:
        """Return the process that holds the file, or None if nobody does."""
        try:
            handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return int(os.read(handle, 32).decode().strip() or 0) or None
        finally:
            os.close(handle)
        return None


class Spare:
    """A process that has loaded what it needs, and waits for its settings: taken, it serves without that delay.

    It ends with the process that has started it, unless it was taken before.
    """

    def __init__(self, module: str) -> None:
        source = find_spec(module)
        assert source is not None
        assert source.origin is not None
        self._source = Path(source.origin)
        self._state = _state_of(self._source)
        self._link, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-m", module, "--spare", "--settings-fd", str(theirs.fileno())]
            try:
                self._process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, pass_fds=(theirs.fileno(),), process_group=0
                )
            except OSError:
                self._link.close()
                raise

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def take(self, settings: bytes, report_fd: int) -> subprocess.Popen[bytes] | None:
        """Have it begin with ``settings`` and report into ``report_fd``; return the process.

        Returns:
            None if it cannot be used: it has ended, or what it has loaded was replaced meanwhile.
        """
        with self._link:
            try:
                if self._process.poll() is None and _state_of(self._source) == self._state:
                    socket.send_fds(self._link, [b"\0"], [report_fd])
                    self._link.sendall(settings)
                    return self._process
            except OSError:
                # It has ended just now.
                pass
        self.discard()
        return None

    def discard(self) -> None:
        """End the process."""
        self._link.close()
        self._process.kill()
        self._process.wait()


def wait_as_spare(settings_fd: int) -> tuple[bytes, int] | None:
    """Wait as a spare until it is taken; return the settings, and where to report to. None: it will never be."""
    with socket.socket(fileno=settings_fd) as link:
        begun, handles, _, _ = socket.recv_fds(link, 1, 1)
        if not begun or not handles:
            return None
        with link.makefile("rb") as stream:
            return stream.read(), handles[0]


def end_with_parent(*, is_wanted: bool) -> None:
    """Have this process killed when the one that has started it dies, or no longer so."""
    parent = os.getppid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL if is_wanted else 0, 0, 0, 0)
    if is_wanted and os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def _state_of(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def open_pipe(path: Path) -> int:
    """Return the reading end of the named pipe ``path``, which is made if it is missing; reading it never waits.

    The pipe outlives those who use it: a process that writes into it is heard by the next one that reads.

    Raises:
        OSError: it cannot be made or opened, or something else has that name.
    """
    with suppress(FileExistsError):
        os.mkfifo(path, 0o600)
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    if not stat.S_ISFIFO(os.fstat(handle).st_mode):
        os.close(handle)
        raise FileExistsError(f"{path} is no named pipe; remove it")
    return handle


def find_writer(path: Path, processes: Path = Path("/proc")) -> int | None:
    """Return the process that has the named pipe ``path`` open for writing, or None; of several the oldest."""
    try:
        pipe = path.stat()
    except FileNotFoundError:
        return None
    if not stat.S_ISFIFO(pipe.st_mode):
        return None
    # A process that is just being started has, for an instant, everything that its parent has.
    found = [
        (_started_at(entry), int(entry.name))
        for entry in processes.iterdir()
        if entry.name.isdigit() and int(entry.name) != os.getpid() and _writes_into(entry, pipe)
    ]
    return min(found)[1] if found else None


def living_workers(directory: Path, processes: Path = Path("/proc")) -> list[int]:
    """Return the process ids of the workers that were started with ``directory`` as their state directory."""
    wanted = os.fsencode(directory)
    found = []
    for entry in processes.iterdir():
        if entry.name.isdigit():
            words = _command_line(entry)
            if b"device_worker" in words and wanted in words.split(b"\0"):
                found.append(int(entry.name))
    return sorted(found)


def end_process(pid: int, number: int, patience_s: float) -> bool:
    """Send a signal and wait for the end; return whether the process has ended within ``patience_s``."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(handle, number)
        ready, _, _ = select.select([handle], [], [], patience_s)
        return bool(ready)
    finally:
        os.close(handle)


def _command_line(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""


def _writes_into(process: Path, pipe: os.stat_result) -> bool:
    try:
        for handle in os.listdir(process / "fd"):
            with suppress(FileNotFoundError):
                if os.path.samestat(os.stat(process / "fd" / handle), pipe):
                    flags = (process / "fdinfo" / handle).read_text().partition("flags:")[2].split()[0]
                    if int(flags, 8) & os.O_ACCMODE != os.O_RDONLY:
                        return True
    except OSError:
        # It has ended meanwhile, or belongs to somebody else.
        return False
    return False


def _started_at(process: Path) -> int:
    try:
        return int((process / "stat").read_text().rpartition(") ")[2].split()[19])
    except OSError:
        return 0
