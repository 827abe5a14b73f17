"""Starts the manager, restarts it when it dies or stops answering, and never kills a worker that is busy.

It holds no state but which process it started, so that losing it loses nothing.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import logging
import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from queue_server import __version__, logs
from queue_server.clock import Chance, Clock, SystemClock
from queue_server.config import Settings
from queue_server.process import SUPERVISOR_FILE, PidFile, PidFileTakenError, end_process, living_workers
from queue_server.storage.lock import LOCK_FILE

_log = logging.getLogger(__name__)

SILENT_AFTER_S = 5.0
START_PATIENCE_S = 30.0
STOP_PATIENCE_S = 15.0
LONGEST_PAUSE_S = 30.0
STABLE_AFTER_S = 10.0

_PR_SET_CHILD_SUBREAPER = 36


def run(settings: Settings) -> int:
    """Serve until SIGTERM or Ctrl-C; return the exit code of the process."""
    logs.configure(settings.verbosity, is_printed=settings.console_output != "off")
    _name_unused(settings)
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with PidFile.claim(settings.data / SUPERVISOR_FILE):
            return asyncio.run(_Supervisor(settings).run())
    except PidFileTakenError as error:
        _log.error("%s", error)
        return error.exit_code


def _name_unused(settings: Settings) -> None:
    """Say which given settings belong to parts that this release does not have, so that nobody waits for them."""
    if settings.http != "off":
        _log.warning("http is %s, but this release has no HTTP gateway: nothing listens there", settings.http)
    if settings.api_key_file is not None:
        _log.warning("api_key_file has no effect: this release has no HTTP gateway")


def stop(data: Path, *, workers: bool = False) -> int:
    """End what ``run`` has started for a data directory; return 0, or 5 if something is left.

    Without ``workers`` a worker that executes a plan is left to finish it.
    """
    signal_number = signal.SIGUSR1 if workers else signal.SIGTERM
    found = False
    for name in (SUPERVISOR_FILE, LOCK_FILE):
        pid = PidFile.holder(data / name)
        if pid is not None:
            found = True
            if not end_process(pid, signal_number, STOP_PATIENCE_S + 5):
                _log.error("Process %d does not end", pid)
                return 5
    left = living_workers(data / "workers")
    if workers:
        remaining = [pid for pid in left if not _kill_session(pid)]
        if remaining:
            _log.error("Not all workers end: %s", remaining)
            return 5
    if left and not workers:
        _log.warning("Workers go on with their plans: %s. End them with: cuelight down --workers", left)
    if not found:
        _log.info("Nothing runs on %s", data)
    return 0


def _kill_session(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    return end_process(pid, signal.SIGKILL, STOP_PATIENCE_S)


@dataclass(slots=True)
class _Child:
    """The manager process and what it has told; ``news`` wakes whoever watches it."""

    process: subprocess.Popen[bytes]
    report_fd: int
    pidfd: int
    started_s: float
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    heard_s: float | None = None
    was_ready: bool = False
    failure: str = ""
    rest: bytes = b""


class _Supervisor:
    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self._settings = settings
        self._clock = clock or SystemClock()
        self._chance = Chance()
        self._child: _Child | None = None
        self._stopping: signal.Signals | None = None
        self._stop_asked_s: float | None = None
        self._asked = asyncio.Event()
        self._served = False

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
            loop.add_signal_handler(number, self._ask_to_stop, number)
        _adopt_orphans()
        loop.add_signal_handler(signal.SIGCHLD, self._reap_orphans)
        # A supervisor that was killed has left its own behind, with addresses that nobody answers any more.
        self._remove_ready_file()
        pause_s = 0.0
        while True:
            child = self._start()
            code = await self._watch(child)
            self._remove_ready_file()
            if self._is_final(child, code):
                return code if self._stopping is None else self._say_goodbye(code)
            lived_s = self._clock.monotonic() - child.started_s
            # The first restart is immediate; one that does not last makes the next one wait longer.
            pause_s = 0.0 if lived_s > STABLE_AFTER_S else min(LONGEST_PAUSE_S, max(0.1, pause_s * 2))
            _log.error("The manager has ended (code %d); it is started again in %.1f s", code, pause_s)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._chance.jitter(pause_s)):
                    await self._asked.wait()
            if self._stopping is not None:
                return 0

    def _is_final(self, child: _Child, code: int) -> bool:
        if self._stopping is not None or code == 0:
            return True
        if not self._served and child.failure:
            _log.error("Cuelight could not start: %s", child.failure)
            return True
        return False

    def _start(self) -> _Child:
        settings_fd = _pipe_with(self._settings.model_dump_json(exclude_none=True).encode())
        report_fd, child_report_fd = os.pipe()
        command = [sys.executable, "-m", "queue_server", "--settings-fd", str(settings_fd)]
        process = subprocess.Popen(
            [*command, "--report-fd", str(child_report_fd)],
            stdin=subprocess.DEVNULL,
            pass_fds=(settings_fd, child_report_fd),
            process_group=0,
        )
        os.close(settings_fd)
        os.close(child_report_fd)
        os.set_blocking(report_fd, False)
        child = _Child(process, report_fd, os.pidfd_open(process.pid), self._clock.monotonic())
        loop = asyncio.get_running_loop()
        loop.add_reader(report_fd, self._read_reports, child)
        loop.add_reader(child.pidfd, self._see_end, child)
        self._child = child
        return child

    async def _watch(self, child: _Child) -> int:
        """Wait until the manager has ended; kill it if it does not answer, or does not end when asked."""
        while not child.ended.is_set():
            child.news.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._patience_s(child)):
                    await child.news.wait()
            if not child.ended.is_set():
                # Whatever it has said while this process slept counts.
                self._read_reports(child)
                if self._patience_s(child) <= 0:
                    _log.error("The manager (process %d) does not answer and is killed", child.process.pid)
                    child.process.kill()
                    await child.ended.wait()
        os.close(child.pidfd)
        os.close(child.report_fd)
        return child.process.wait()

    def _patience_s(self, child: _Child) -> float:
        now = self._clock.monotonic()
        if self._stop_asked_s is not None:
            return max(0.0, self._stop_asked_s + STOP_PATIENCE_S - now)
        if child.heard_s is None:
            return max(0.0, child.started_s + START_PATIENCE_S - now)
        return max(0.0, child.heard_s + SILENT_AFTER_S - now)

    def _read_reports(self, child: _Child) -> None:
        try:
            data = os.read(child.report_fd, 65536)
        except BlockingIOError:
            return
        if not data:
            asyncio.get_running_loop().remove_reader(child.report_fd)
            return
        child.news.set()
        *lines, child.rest = (child.rest + data).split(b"\n")
        for line in lines:
            child.heard_s = self._clock.monotonic()
            self._take_report(child, json.loads(line))

    def _take_report(self, child: _Child, report: dict[str, Any]) -> None:
        child.failure = report.get("failed", child.failure)
        if "ready" in report:
            child.was_ready = self._served = True
            # A restarted manager must be found where the first one was, also where port 0 was asked for.
            self._settings = self._settings.after_restart().model_copy(update=report["ready"])
            self._write_ready_file(child)

    def _see_end(self, child: _Child) -> None:
        loop = asyncio.get_running_loop()
        with suppress(OSError):
            self._read_reports(child)
        loop.remove_reader(child.pidfd)
        loop.remove_reader(child.report_fd)
        child.ended.set()
        child.news.set()

    def _ask_to_stop(self, number: signal.Signals) -> None:
        if self._stop_asked_s is None:
            _log.info("Stopping ...")
            self._stop_asked_s = self._clock.monotonic()
        self._stopping = signal.SIGUSR1 if number == signal.SIGUSR1 else signal.SIGTERM
        self._asked.set()
        child = self._child
        if child is None or child.ended.is_set():
            return
        child.news.set()
        child.process.send_signal(self._stopping)

    def _say_goodbye(self, code: int) -> int:
        left = living_workers(self._settings.data / "workers")
        if left:
            _log.warning(
                "Workers go on with their plans (processes %s): `cuelight up` on the same data directory takes them "
                "over, `cuelight down --workers` ends them.",
                left,
            )
        return 0 if code in (0, -signal.SIGTERM) else code

    def _reap_orphans(self) -> None:
        """Collect the exits of workers whose manager has died; the manager's own exit is left to its process object."""
        while True:
            try:
                found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if found is None or (self._child is not None and found.si_pid == self._child.process.pid):
                return
            with suppress(ChildProcessError):
                os.waitpid(found.si_pid, os.WNOHANG)

    def _write_ready_file(self, child: _Child) -> None:
        path = self._settings.ready_file
        if path is None:
            return
        content = {
            "control": self._settings.control,
            "info": self._settings.info,
            "documents": None,
            "http": None,
            "data_dir": str(self._settings.data),
            "pids": {"supervisor": os.getpid(), "manager": child.process.pid},
            "version": __version__,
        }
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w") as stream:
            stream.write(json.dumps(content) + "\n")
        temporary.replace(path)

    def _remove_ready_file(self) -> None:
        if self._settings.ready_file is not None:
            self._settings.ready_file.unlink(missing_ok=True)


def _pipe_with(data: bytes) -> int:
    """Return the reading end of a pipe that holds ``data``; settings may hold secrets, which no command line shows."""
    reader, writer = os.pipe()
    with os.fdopen(writer, "wb") as stream:
        stream.write(data)
    return reader


def _adopt_orphans() -> None:
    """Become the parent of workers whose manager dies, so that their exits are collected."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        _log.warning("Workers whose manager dies will not be collected: %s", os.strerror(ctypes.get_errno()))
