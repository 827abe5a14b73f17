"""The launcher of one lane: a small service that starts the worker process when the manager asks for it.

It runs as a unit of systemd with a user and a control group of its own, ``python -m
queue_server.workers.lane_launcher --lane LANE --socket PATH``, and knows nothing of plans. The worker is its child: the
end of the manager touches neither, the end of the worker leaves the launcher waiting for the next order.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import subprocess
import sys
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from queue_server import logs
from queue_server.protocol.errors import EnvelopeError
from queue_server.protocol.launcher_link import (
    LONGEST_LINE_BYTES,
    EndWorker,
    OpenWorker,
    ToLauncher,
    WorkerGone,
    WorkerRuns,
    read_to_launcher,
    write_line,
)
from queue_server.systemd import ServiceUnit
from queue_server.workers.host import LocalHost

_log = logging.getLogger(__name__)

# Of so many workers it is remembered how they ended, for a manager that was away.
MOST_ENDS = 16
# What a worker has to end in order when the service is stopped.
END_PATIENCE_S = 10.0

Program = Callable[[Sequence[str]], Sequence[str]]


def worker_program(options: Sequence[str]) -> Sequence[str]:
    """Return the command line of a worker."""
    return [sys.executable, "-m", "device_worker", *options]


class LaneLauncher:
    """Starts, watches and kills the worker of one lane; at most one runs at a time."""

    def __init__(self, lane: str, program: Program = worker_program) -> None:
        self._lane = lane
        self._program = program
        self._host = LocalHost(self._launch, self._see_end, self._see_start)
        self._options: dict[str, Sequence[str]] = {}
        self._running: dict[str, int | None] = {}
        self._ends: OrderedDict[str, str] = OrderedDict()
        self._watchers: set[asyncio.StreamWriter] = set()
        self._watched: dict[str, set[asyncio.StreamWriter]] = {}
        self._all_ended = asyncio.Event()

    async def serve(self, socket: Path, stop: asyncio.Event, ready: Callable[[], None] = lambda: None) -> None:
        """Take orders at ``socket`` until ``stop`` is set; then the worker is asked to end, too.

        Raises:
            OSError: the socket cannot be made.
        """
        _clear(socket)
        # Only the group of the socket's directory may give orders.
        previous = os.umask(0o117)
        try:
            server = await asyncio.start_unix_server(self._converse, socket, limit=LONGEST_LINE_BYTES)
        finally:
            os.umask(previous)
        try:
            ready()
            await stop.wait()
            await self._end_all()
        finally:
            server.close()
            for writer in list(self._watchers):
                writer.close()
            await server.wait_closed()
            await self._host.close()
            _clear(socket)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._watchers.add(writer)
        try:
            while line := await reader.readline():
                self._obey(read_to_launcher(line), writer)
        except (EnvelopeError, ValueError) as error:
            _log.error("An order was not understood: %s", error)
        except OSError:
            # A manager that is killed says nothing.
            _log.debug("A connection was lost")
        finally:
            self._watchers.discard(writer)
            for watching in self._watched.values():
                watching.discard(writer)
            writer.close()

    def _obey(self, order: ToLauncher, writer: asyncio.StreamWriter) -> None:
        incarnation = order.incarnation
        if isinstance(order, OpenWorker) and not self._knows(incarnation):
            if self._running:
                cause = f"its launcher still has another worker ({next(iter(self._running))}): end that first"
                writer.write(write_line(WorkerGone(cause=f"it could not be started: {cause}")))
                return
            self._options[incarnation] = order.options
            self._running[incarnation] = None
            self._host.start(self._lane, incarnation)
        if not self._knows(incarnation):
            # Perhaps one that an earlier launcher has started.
            self._host.adopt(self._lane, incarnation)
        self._watched.setdefault(incarnation, set()).add(writer)
        if incarnation in self._running:
            self._tell_running(incarnation)
            if isinstance(order, EndWorker):
                self._host.kill(self._lane, incarnation)
        else:
            self._tell_end(incarnation, self._ends.get(incarnation, "it was gone already"))

    def _knows(self, incarnation: str) -> bool:
        return incarnation in self._running or incarnation in self._ends

    def _launch(self, lane: str, incarnation: str) -> subprocess.Popen[bytes]:
        """Start the process; called in a thread."""
        return subprocess.Popen(
            self._program(self._options.pop(incarnation)), stdin=subprocess.DEVNULL, start_new_session=True
        )

    def _see_start(self, lane: str, incarnation: str, pid: int) -> None:
        _log.info("The worker of lane %s runs (process %d)", lane, pid)
        self._running[incarnation] = pid
        self._tell_running(incarnation)

    def _tell_running(self, incarnation: str) -> None:
        pid = self._running[incarnation]
        if pid is not None:
            for writer in self._watched.get(incarnation, ()):
                writer.write(write_line(WorkerRuns(pid=pid)))

    def _see_end(self, lane: str, incarnation: str, cause: str) -> None:
        _log.info("The worker of lane %s has ended: %s", lane, cause)
        self._running.pop(incarnation, None)
        self._ends[incarnation] = cause
        while len(self._ends) > MOST_ENDS:
            self._ends.popitem(last=False)
        self._tell_end(incarnation, cause)
        if not self._running:
            self._all_ended.set()

    def _tell_end(self, incarnation: str, cause: str) -> None:
        for writer in self._watched.pop(incarnation, ()):
            writer.write(write_line(WorkerGone(cause=cause)))

    async def _end_all(self) -> None:
        """Ask the worker to end in order, and kill it if it does not."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            self._all_ended.clear()
            for pid in self._running.values():
                if pid is not None:
                    with suppress(ProcessLookupError):
                        os.killpg(pid, number)
            if self._running:
                with suppress(TimeoutError):
                    async with asyncio.timeout(END_PATIENCE_S):
                        await self._all_ended.wait()


def _clear(socket: Path) -> None:
    """Remove a socket that nobody serves any more."""
    socket.unlink(missing_ok=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or Ctrl-C; return the exit code of the process."""
    parser = argparse.ArgumentParser(
        prog="python -m queue_server.workers.lane_launcher", description="Start the worker of a lane when asked to."
    )
    parser.add_argument("--lane", required=True, help="lane whose worker is started")
    parser.add_argument("--socket", required=True, type=Path, metavar="PATH", help="where orders are taken")
    options = parser.parse_args(arguments)
    unit = ServiceUnit.take()
    logs.configure()
    try:
        asyncio.run(_serve(options.lane, options.socket, unit))
    except OSError as error:
        _log.error("The launcher of lane %s cannot serve at %s: %s", options.lane, options.socket, error)
        return 3
    finally:
        unit.close()
    return 0


async def _serve(lane: str, socket: Path, unit: ServiceUnit) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def end() -> None:
        unit.tell_stopping()
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    await LaneLauncher(lane).serve(socket, stop, lambda: unit.tell_ready(f"waits at {socket}"))


if __name__ == "__main__":
    sys.exit(main())
