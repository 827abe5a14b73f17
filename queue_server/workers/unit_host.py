"""Hosts the worker of a lane whose launcher is a service of its own: asks that to start, watch and kill it.

The launcher sees the end of the worker and tells it. Where the launcher is lost, the worker is watched through a pidfd.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from queue_server.protocol.errors import EnvelopeError
from queue_server.protocol.launcher_link import (
    LONGEST_LINE_BYTES,
    EndWorker,
    OpenWorker,
    ToLauncher,
    WatchWorker,
    WorkerRuns,
    read_from_launcher,
    write_line,
)
from queue_server.workers.host import Exited
from queue_server.workers.launcher import find_worker

_log = logging.getLogger(__name__)

# How soon a launcher that was lost while its worker lives is looked for again.
LOOK_AGAIN_S = 1.0


class _Session(Struct):
    """What is known of one worker, and the way to its launcher while there is one."""

    lane: str
    incarnation: str
    is_doomed: bool = False
    writer: asyncio.StreamWriter | None = None

    def say(self, message: ToLauncher) -> None:
        if self.writer is not None:
            self.writer.write(write_line(message))


class UnitHost:
    """Workers of one lane on this host, under another user than this process."""

    def __init__(
        self,
        socket: Path,
        options: Callable[[str, str], list[str]],
        exited: Exited,
        look_again_s: float = LOOK_AGAIN_S,
    ) -> None:
        self._socket = socket
        self._options = options
        self._exited = exited
        self._look_again_s = look_again_s
        self._sessions: dict[str, _Session] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, lane: str, incarnation: str) -> None:
        """Have a worker started; a failure to start is told as its exit."""
        self._follow(lane, incarnation, OpenWorker(incarnation=incarnation, options=self._options(lane, incarnation)))

    def adopt(self, lane: str, incarnation: str) -> bool:
        """Watch a worker that an earlier manager has had started; if it is gone, its exit is told a moment later."""
        if incarnation not in self._sessions:
            self._follow(lane, incarnation, WatchWorker(incarnation=incarnation))
        return True

    def kill(self, lane: str, incarnation: str) -> None:
        """Have a worker killed with everything in its session; the launcher lives on."""
        order = EndWorker(incarnation=incarnation)
        session = self._sessions.get(incarnation) or self._follow(lane, incarnation, order)
        _log.warning("Killing the worker of lane %s", lane)
        session.is_doomed = True
        session.say(order)

    async def close(self) -> None:
        """Stop watching; launcher and worker live on."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._sessions.clear()

    def _follow(self, lane: str, incarnation: str, order: ToLauncher) -> _Session:
        session = _Session(lane, incarnation)
        self._sessions[incarnation] = session
        task = asyncio.create_task(self._see_through(session, order), name=f"worker of lane {lane}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return session

    async def _see_through(self, session: _Session, order: ToLauncher) -> None:
        cause = await self._converse(session, order)
        while cause is None:
            # The launcher is gone, or cannot be reached; the worker may still run.
            pid = await _find_worker(session.incarnation)
            if pid is not None and session.is_doomed:
                # Another user's process is out of reach; its service ends it.
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(pid, signal.SIGKILL)
            if pid is None or await _has_ended(pid, self._look_again_s):
                cause = "it ended without its launcher, so how it ended is not known"
            else:
                again = EndWorker if session.is_doomed else WatchWorker
                cause = await self._converse(session, again(incarnation=session.incarnation))
        self._sessions.pop(session.incarnation, None)
        self._exited(session.lane, session.incarnation, cause)

    async def _converse(self, session: _Session, order: ToLauncher) -> str | None:
        """Return how the worker has ended, or None if the launcher has not told."""
        try:
            reader, writer = await asyncio.open_unix_connection(self._socket, limit=LONGEST_LINE_BYTES)
        except OSError as error:
            _log.error("The launcher of lane %s cannot be reached: %s", session.lane, error)
            if isinstance(order, OpenWorker):
                return f"its launcher cannot be reached at {self._socket} ({error.strerror}): start its service"
            return None
        session.writer = writer
        try:
            session.say(order)
            if session.is_doomed:
                session.say(EndWorker(incarnation=session.incarnation))
            return await self._listen(session, reader)
        except OSError as error:
            _log.error("The launcher of lane %s is lost: %s", session.lane, error)
            return None
        finally:
            session.writer = None
            writer.close()

    async def _listen(self, session: _Session, reader: asyncio.StreamReader) -> str | None:
        with suppress(ValueError, EnvelopeError):
            while line := await reader.readline():
                message = read_from_launcher(line)
                if not isinstance(message, WorkerRuns):
                    return message.cause
                _log.info("The worker of lane %s runs (process %d)", session.lane, message.pid)
        _log.error("The launcher of lane %s does not speak any more", session.lane)
        return None


async def _find_worker(incarnation: str) -> int | None:
    try:
        return await asyncio.to_thread(find_worker, incarnation)
    except RuntimeError:
        # There are no more threads; a worker that is not looked for would count as running for ever.
        return find_worker(incarnation)


async def _has_ended(pid: int, within_s: float) -> bool:
    """Wait for the end of any process; return whether it has ended within ``within_s``."""
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(pidfd, ended.set)
    try:
        async with asyncio.timeout(within_s):
            await ended.wait()
        return True
    except TimeoutError:
        return False
    finally:
        loop.remove_reader(pidfd)
        os.close(pidfd)
