"""Hosts worker processes: starts, watches and kills them. An exit is seen at once, through a pidfd."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress

from msgspec import Struct

from queue_server.failpoints import declare, failpoint
from queue_server.workers.launcher import Launch, find_worker

_log = logging.getLogger(__name__)

Exited = Callable[[str, str, str], None]
Started = Callable[[str, str, int], None]


def _tell_nobody(lane: str, incarnation: str, pid: int) -> None:
    """Pass over the start of a worker, which says hello by itself."""


declare("worker.before_start", "worker.after_start")


class _Process(Struct, frozen=True):
    lane: str
    incarnation: str
    pid: int
    pidfd: int
    child: subprocess.Popen[bytes] | None


class LocalHost:
    """Worker processes on this host, under this user."""

    def __init__(self, launch: Launch, exited: Exited, started: Started = _tell_nobody) -> None:
        self._launch = launch
        self._started = started
        self._exited = exited
        self._processes: dict[str, _Process] = {}
        self._starting: dict[str, asyncio.Task[None]] = {}
        self._doomed: set[str] = set()

    def start(self, lane: str, incarnation: str) -> None:
        """Start a worker; a failure to start is told as its exit."""
        task = asyncio.create_task(self._start(lane, incarnation))
        self._starting[incarnation] = task
        task.add_done_callback(lambda _: self._starting.pop(incarnation, None))

    def adopt(self, lane: str, incarnation: str) -> bool:
        """Watch a worker that an earlier manager started; return whether it is alive."""
        pid = find_worker(incarnation)
        return pid is not None and self._watch(lane, incarnation, pid, None)

    def kill(self, lane: str, incarnation: str) -> None:
        """Kill a worker and everything in its session."""
        process = self._processes.get(incarnation)
        if process is None:
            if incarnation in self._starting:
                self._doomed.add(incarnation)
            elif not self.adopt(lane, incarnation):
                self._exited(lane, incarnation, "it was gone already")
            else:
                self.kill(lane, incarnation)
            return
        _log.warning("Killing the worker of lane %s (process %d)", lane, process.pid)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(process.pidfd, signal.SIGKILL)

    async def close(self) -> None:
        """Stop watching; the workers live on."""
        for task in list(self._starting.values()):
            await task
        loop = asyncio.get_running_loop()
        for process in self._processes.values():
            loop.remove_reader(process.pidfd)
            os.close(process.pidfd)
            if process.child is not None:
                # The worker outlives this process on purpose.
                process.child.returncode = 0
        self._processes.clear()

    async def _start(self, lane: str, incarnation: str) -> None:
        try:
            failpoint("worker.before_start")
            child = await asyncio.to_thread(self._launch, lane, incarnation)
        except (OSError, RuntimeError) as error:
            # There may be no more processes, or no thread in which to wait for one.
            self._doomed.discard(incarnation)
            self._exited(lane, incarnation, f"it could not be started: {error}")
            return
        try:
            failpoint("worker.after_start")
            self._watch(lane, incarnation, child.pid, child)
        except OSError as error:
            # A worker whose end nobody would see must not live.
            child.kill()
            await _wait_for(child)
            self._doomed.discard(incarnation)
            self._exited(lane, incarnation, f"it could not be watched: {error}")
            return
        if incarnation in self._doomed:
            self._doomed.discard(incarnation)
            self.kill(lane, incarnation)

    def _watch(self, lane: str, incarnation: str, pid: int, child: subprocess.Popen[bytes] | None) -> bool:
        try:
            pidfd = os.pidfd_open(pid)
        except ProcessLookupError:
            return False
        process = _Process(lane, incarnation, pid, pidfd, child)
        self._processes[incarnation] = process
        asyncio.get_running_loop().add_reader(pidfd, self._see_exit, process)
        self._started(lane, incarnation, pid)
        return True

    def _see_exit(self, process: _Process) -> None:
        asyncio.get_running_loop().remove_reader(process.pidfd)
        os.close(process.pidfd)
        self._processes.pop(process.incarnation, None)
        self._exited(process.lane, process.incarnation, _cause(process.child))


async def _wait_for(child: subprocess.Popen[bytes]) -> None:
    try:
        await asyncio.to_thread(child.wait)
    except RuntimeError:
        # There is no thread; what is killed ends soon.
        child.wait()


def _cause(child: subprocess.Popen[bytes] | None) -> str:
    if child is None:
        return "the process is gone (it was started by an earlier manager, so how it ended is not known)"
    code = child.wait()
    return f"exit code {code}" if code >= 0 else f"killed by {_signal_name(-code)}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
