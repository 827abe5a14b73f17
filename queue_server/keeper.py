"""Keeps one service process running: starts it with its settings, watches its reports, and restarts it when it ends.

It knows processes and pipes, and nothing of what the service does.
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
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from queue_server.clock import Chance, Clock

_log = logging.getLogger(__name__)

SILENT_AFTER_S = 5.0
START_PATIENCE_S = 30.0
STOP_PATIENCE_S = 15.0
LONGEST_PAUSE_S = 30.0
STABLE_AFTER_S = 10.0


@dataclass(frozen=True, slots=True)
class Service:
    """What is kept running.

    ``settings`` gives the JSON that the next process reads; ``ready`` hears what a process tells once it serves, and
    ``gone`` that it has ended. A process that ends with code 0 although nobody asked it to is not started again where
    ``may_end`` is set. ``inherited`` are file descriptors that each process gets under the same numbers.
    """

    name: str
    module: str
    settings: Callable[[], str]
    ready: Callable[[Mapping[str, Any]], None]
    gone: Callable[[], None]
    may_end: bool = False
    inherited: tuple[int, ...] = ()


@dataclass(slots=True)
class _Child:
    """The process and what it has told; ``news`` wakes whoever watches it."""

    process: subprocess.Popen[bytes]
    report_fd: int
    pidfd: int
    started_s: float
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    heard_s: float | None = None
    failure: str = ""
    rest: bytes = b""


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

    @property
    def pid(self) -> int | None:
        """The process id of the service while it runs."""
        child = self._child
        return None if child is None or child.ended.is_set() else child.process.pid

    async def run(self) -> int:
        """Return the exit code of the last process, once there will be no other."""
        pause_s = 0.0
        while True:
            child = self._start()
            code = await self._watch(child)
            self._service.gone()
            if self._is_final(child, code):
                return code
            lived_s = self._clock.monotonic() - child.started_s
            # The first restart is immediate; one that does not last makes the next one wait longer.
            pause_s = 0.0 if lived_s > STABLE_AFTER_S else min(LONGEST_PAUSE_S, max(0.1, pause_s * 2))
            _log.error("The %s has ended (code %d); it is started again in %.1f s", self._service.name, code, pause_s)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._chance.jitter(pause_s)):
                    await self._asked.wait()
            if self._asked.is_set():
                return 0

    def ask_to_stop(self, number: signal.Signals) -> None:
        """Send the signal, and kill what has not ended ``STOP_PATIENCE_S`` later; no other process will be started."""
        if self._stop_asked_s is None:
            self._stop_asked_s = self._clock.monotonic()
        self._asked.set()
        child = self._child
        if child is None or child.ended.is_set():
            return
        child.news.set()
        child.process.send_signal(number)

    def _is_final(self, child: _Child, code: int) -> bool:
        if self._asked.is_set() or (code == 0 and self._service.may_end):
            return True
        if not self._served and child.failure:
            _log.error("Cuelight could not start: %s", child.failure)
            return True
        return False

    def _start(self) -> _Child:
        settings_fd = _pipe_with(self._service.settings().encode())
        report_fd, child_report_fd = os.pipe()
        command = [sys.executable, "-m", self._service.module, "--settings-fd", str(settings_fd)]
        process = subprocess.Popen(
            [*command, "--report-fd", str(child_report_fd)],
            stdin=subprocess.DEVNULL,
            pass_fds=(settings_fd, child_report_fd, *self._service.inherited),
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
                    name, pid = self._service.name, child.process.pid
                    _log.error("The %s (process %d) does not answer and is killed", name, pid)
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
            self._served = True
            self._service.ready(report["ready"])

    def _see_end(self, child: _Child) -> None:
        loop = asyncio.get_running_loop()
        with suppress(OSError):
            self._read_reports(child)
        loop.remove_reader(child.pidfd)
        loop.remove_reader(child.report_fd)
        child.ended.set()
        child.news.set()


def _pipe_with(data: bytes) -> int:
    """Return the reading end of a pipe that holds ``data``; settings may hold secrets, which no command line shows."""
    reader, writer = os.pipe()
    with os.fdopen(writer, "wb") as stream:
        stream.write(data)
    return reader
