"""Keeps one service process running: starts it with its settings, watches its reports, and restarts it when it ends.

It knows processes and pipes, and nothing of what the service does. Where the reports go through a named pipe, a process
whose keeper has died is found by it, and kept on.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from queue_server.clock import Chance, Clock
from queue_server.process import Spare, find_writer, open_pipe

_log = logging.getLogger(__name__)

SILENT_AFTER_S = 5.0
START_PATIENCE_S = 30.0
STOP_PATIENCE_S = 15.0
LONGEST_PAUSE_S = 30.0
LONGEST_PAUSE_AFTER_SERVICE_S = 0.5
STABLE_AFTER_S = 10.0

# What a process has ended with that is no child of this one and has not told.
_UNKNOWN_CODE = 255


class Service(Struct, frozen=True):
    """What is kept running.

    ``settings`` gives the JSON that the next process reads; ``ready`` hears what a process tells once it serves, and
    ``gone`` that it has ended. A process that ends with code 0 although nobody asked it to is not started again where
    ``may_end`` is set. ``inherited`` are file descriptors that each process gets under the same numbers. ``reports`` is
    the path of the named pipe for its reports; without it the pipe has no name, and nobody else can take the service
    over. ``spare_after_s`` is how long after the first process serves another one is started that waits to take its
    place, with everything loaded; after an end it is started as soon as the next process serves.
    """

    name: str
    module: str
    settings: Callable[[], str]
    ready: Callable[[Mapping[str, Any]], None]
    gone: Callable[[], None]
    may_end: bool = False
    inherited: tuple[int, ...] = ()
    reports: Path | None = None
    stop_patience_s: float = STOP_PATIENCE_S
    spare_after_s: float | None = None


class _Told(Struct):
    """What a process has told, when last, and the beginning of what it is telling."""

    heard_s: float | None = None
    serves: bool = False
    failure: str = ""
    may_pass: bool = False
    rest: bytes = b""


class _Child(Struct):
    """The process and what it has told; ``news`` wakes whoever watches it. An adopted one has no ``process``."""

    pid: int
    pidfd: int
    report_fd: int
    started_s: float
    process: subprocess.Popen[bytes] | None = None
    code: int | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    told: _Told = field(default_factory=_Told)

    def send(self, number: int) -> None:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.pidfd, number)


class Keeper:
    """Runs a service until it is asked to stop, ends by itself, or cannot start at all."""

    def __init__(self, service: Service, clock: Clock, chance: Chance) -> None:
        self._service = service
        self._clock = clock
        self._chance = chance
        self._child: _Child | None = None
        self._stop_asked_s: float | None = None
        self._asked = asyncio.Event()
        self._served = False
        self._spare: Spare | None = None
        self._spare_due: asyncio.TimerHandle | None = None

    @property
    def pid(self) -> int | None:
        """The process id of the service while it runs."""
        child = self._child
        return None if child is None or child.ended.is_set() else child.pid

    @property
    def spare_pid(self) -> int | None:
        """The process id of the one that waits to take the place of the service, if there is one."""
        return None if self._spare is None else self._spare.pid

    def drop_spare(self) -> None:
        """End the process that waits, if there is one."""
        if self._spare_due is not None:
            self._spare_due.cancel()
        if self._spare is not None:
            self._spare.discard()
        self._spare = self._spare_due = None

    def adopt(self) -> bool:
        """Take over the process whose keeper has died; return whether there is one. To be called before ``run``."""
        path = self._service.reports
        pid = None if path is None else find_writer(path)
        if path is None or pid is None:
            return False
        try:
            pidfd = os.pidfd_open(pid)
        except ProcessLookupError:
            return False
        # The process might have ended meanwhile, and its id been given to another.
        if find_writer(path) != pid:
            os.close(pidfd)
            return False
        _log.info("The %s (process %d) runs already; it is kept on as it is", self._service.name, pid)
        self._watch_for(_Child(pid, pidfd, open_pipe(path), self._clock.monotonic()))
        return True

    async def run(self) -> int:
        """Return the exit code of the last process, once there will be no other."""
        try:
            return await self._keep()
        finally:
            self.drop_spare()

    async def _keep(self) -> int:
        pause_s = 0.0
        while self._child is not None or not self._asked.is_set():
            started_s = self._clock.monotonic()
            child = self._child or self._start()
            if child is not None:
                code = await self._watch(child)
                self._service.gone()
                if self._is_final(child, code):
                    return code
                started_s = child.started_s
            lived_s = self._clock.monotonic() - started_s
            # The first restart is immediate; one that does not last makes the next one wait longer. Whoever has served
            # may serve again: where a process dies now and then, those who use it must not wait for the next one.
            longest_s = LONGEST_PAUSE_AFTER_SERVICE_S if child is not None and child.told.serves else LONGEST_PAUSE_S
            pause_s = 0.0 if lived_s > STABLE_AFTER_S else min(longest_s, max(0.1, pause_s * 2))
            _log.error("The %s does not run; it is started again within %.1f s", self._service.name, pause_s)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._chance.jitter(pause_s)):
                    await self._asked.wait()
        return 0

    def ask_to_stop(self, number: signal.Signals) -> None:
        """Send the signal, and kill what does not end in time; no other process will be started."""
        if self._stop_asked_s is None:
            self._stop_asked_s = self._clock.monotonic()
        self._asked.set()
        self.drop_spare()
        child = self._child
        if child is None or child.ended.is_set():
            return
        child.news.set()
        child.send(number)

    def _is_final(self, child: _Child, code: int) -> bool:
        if self._asked.is_set() or (code == 0 and self._service.may_end):
            return True
        if not self._served and child.told.failure and not child.told.may_pass:
            _log.error("Cuelight could not start: %s", child.told.failure)
            return True
        _log.error("The %s has ended (%s)", self._service.name, _name_of(code))
        return False

    def _start(self) -> _Child | None:
        """Start a process; return None if the system has no room for it now, for that may pass."""
        try:
            child = self._spawn()
        except OSError as error:
            _log.error("The %s cannot be started: %s", self._service.name, error)
            return None
        self._watch_for(child)
        return child

    def _spawn(self) -> _Child:
        settings = self._service.settings().encode()
        with ExitStack() as opened:
            report_fd, child_report_fd = self._open_reports()
            opened.callback(os.close, child_report_fd)
            with ExitStack() as kept:
                kept.callback(os.close, report_fd)
                process = self._take_spare(settings, child_report_fd) or self._execute(settings, child_report_fd)
                kept.callback(process.wait)
                kept.callback(process.kill)
                pidfd = os.pidfd_open(process.pid)
                kept.pop_all()
        return _Child(process.pid, pidfd, report_fd, self._clock.monotonic(), process)

    def _execute(self, settings: bytes, report_fd: int) -> subprocess.Popen[bytes]:
        settings_fd = pipe_with(settings)
        try:
            command = [sys.executable, "-m", self._service.module, "--settings-fd", str(settings_fd)]
            return subprocess.Popen(
                [*command, "--report-fd", str(report_fd)],
                stdin=subprocess.DEVNULL,
                pass_fds=(settings_fd, report_fd, *self._service.inherited),
                process_group=0,
            )
        finally:
            os.close(settings_fd)

    def _take_spare(self, settings: bytes, report_fd: int) -> subprocess.Popen[bytes] | None:
        spare, self._spare = self._spare, None
        return None if spare is None else spare.take(settings, report_fd)

    def _plan_spare(self) -> None:
        pause_s = self._service.spare_after_s
        if pause_s is not None and self._spare is None:
            # Who has replaced another may need a replacement soon.
            after_s = 0.0 if self._served else pause_s
            self._spare_due = asyncio.get_running_loop().call_later(after_s, self._make_spare)

    def _make_spare(self) -> None:
        if self._spare is None and self.pid is not None and not self._asked.is_set():
            try:
                self._spare = Spare(self._service.module)
            except OSError as error:
                # Without it the next start takes longer.
                _log.warning("There is no process in reserve for the %s: %s", self._service.name, error)

    def _open_reports(self) -> tuple[int, int]:
        """Return the reading and the writing end of a pipe; the first one does not wait."""
        if self._service.reports is None:
            reader, writer = os.pipe()
            os.set_blocking(reader, False)
            return reader, writer
        reader = open_pipe(self._service.reports)
        try:
            return reader, os.open(self._service.reports, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            os.close(reader)
            raise

    def _watch_for(self, child: _Child) -> None:
        loop = asyncio.get_running_loop()
        loop.add_reader(child.report_fd, self._read_reports, child)
        loop.add_reader(child.pidfd, self._see_end, child)
        self._child = child

    async def _watch(self, child: _Child) -> int:
        """Wait until the process has ended; kill it if it does not answer, or does not end when asked."""
        while not child.ended.is_set():
            child.news.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._patience_s(child)):
                    await child.news.wait()
            if not child.ended.is_set():
                # Whatever it has said while this process slept counts.
                self._read_reports(child)
                if self._patience_s(child) <= 0:
                    _log.error("The %s (process %d) does not answer and is killed", self._service.name, child.pid)
                    child.send(signal.SIGKILL)
                    await child.ended.wait()
        self._child = None
        os.close(child.pidfd)
        os.close(child.report_fd)
        return _UNKNOWN_CODE if child.code is None else child.code

    def _patience_s(self, child: _Child) -> float:
        now = self._clock.monotonic()
        if self._stop_asked_s is not None:
            return max(0.0, self._stop_asked_s + self._service.stop_patience_s - now)
        if child.told.heard_s is None:
            return max(0.0, child.started_s + START_PATIENCE_S - now)
        return max(0.0, child.told.heard_s + SILENT_AFTER_S - now)

    def _read_reports(self, child: _Child) -> None:
        try:
            data = os.read(child.report_fd, 65536)
        except BlockingIOError:
            return
        if not data:
            asyncio.get_running_loop().remove_reader(child.report_fd)
            return
        child.news.set()
        *lines, child.told.rest = (child.told.rest + data).split(b"\n")
        for line in lines:
            child.told.heard_s = self._clock.monotonic()
            # The first line of an adopted process may have lost its beginning to the keeper before.
            with suppress(ValueError):
                self._take_report(child, json.loads(line))

    def _take_report(self, child: _Child, report: dict[str, Any]) -> None:
        child.told.failure = report.get("failed", child.told.failure)
        child.told.may_pass = report.get("may_pass", child.told.may_pass)
        if child.process is None:
            child.code = report.get("ended", child.code)
        # Who adopts a process has not heard it say that it is ready, so each sign of life says it again; one from
        # before says nothing.
        told = report.get("ready") or report.get("alive")
        if told and isinstance(told, dict) and not child.told.serves:
            self._plan_spare()
            child.told.serves = self._served = True
            self._service.ready(told)

    def _see_end(self, child: _Child) -> None:
        loop = asyncio.get_running_loop()
        with suppress(OSError):
            self._read_reports(child)
        loop.remove_reader(child.pidfd)
        loop.remove_reader(child.report_fd)
        if child.process is not None:
            # Collected now, before anybody takes it for an orphan.
            child.code = child.process.wait()
        child.ended.set()
        child.news.set()


def _name_of(code: int) -> str:
    return "how is not known, for it was no child of this process" if code == _UNKNOWN_CODE else f"code {code}"


def pipe_with(data: bytes) -> int:
    """Return the reading end of a pipe that holds ``data``; settings may hold secrets, which no command line shows."""
    reader, writer = os.pipe()
    try:
        with os.fdopen(writer, "wb") as stream:
            stream.write(data)
    except OSError:
        os.close(reader)
        raise
    return reader
