"""The launcher of one lane: a small service that starts the worker process when the manager asks for it.

It runs as a unit of systemd with a user and a control group of its own, and knows nothing of plans. The worker is its
child: the end of the manager touches neither, the end of the worker leaves the launcher waiting for the next order. On
the host of the manager it is ``python -m queue_server.workers.lane_launcher --lane LANE --socket PATH``; on another
host ``--link ADDRESS`` takes the place of the socket.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from queue_server import logs
from queue_server.client.keys import read_pair
from queue_server.protocol.errors import CuelightError, EnvelopeError, ParameterError
from queue_server.protocol.launcher_link import (
    LONGEST_LINE_BYTES,
    ToLauncher,
    WorkerGone,
    WorkerRuns,
    read_to_launcher,
    write_line,
)
from queue_server.systemd import ServiceUnit
from queue_server.workers.far_launcher import FarLauncher, FarPlace
from queue_server.workers.lane_workers import LaneWorkers, Program, worker_program

_log = logging.getLogger(__name__)


class LaneLauncher:
    """Takes the orders of a manager on the same host, at a socket of the file system."""

    def __init__(self, lane: str, program: Program = worker_program) -> None:
        self._workers = LaneWorkers(lane, self._tell, program)
        self._writers: set[asyncio.StreamWriter] = set()
        self._watched: dict[str, set[asyncio.StreamWriter]] = {}

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
            await self._workers.end_all()
        finally:
            server.close()
            for writer in list(self._writers):
                writer.close()
            await server.wait_closed()
            await self._workers.close()
            _clear(socket)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while line := await reader.readline():
                self._obey(read_to_launcher(line), writer)
        except (EnvelopeError, ValueError) as error:
            _log.error("An order was not understood: %s", error)
        except OSError:
            # A manager that is killed says nothing.
            _log.debug("A connection was lost")
        finally:
            self._writers.discard(writer)
            for watching in self._watched.values():
                watching.discard(writer)
            writer.close()

    def _obey(self, order: ToLauncher, writer: asyncio.StreamWriter) -> None:
        cause = self._workers.obey(order)
        if cause is not None:
            writer.write(write_line(WorkerGone(cause=cause)))
            return
        self._watched.setdefault(order.incarnation, set()).add(writer)
        self._tell(order.incarnation)

    def _tell(self, incarnation: str) -> None:
        """Tell those who watch a worker that it runs, or how it has ended."""
        pid, cause = self._workers.running.get(incarnation), self._workers.ends.get(incarnation)
        if pid is not None:
            for writer in self._watched.get(incarnation, ()):
                writer.write(write_line(WorkerRuns(pid=pid)))
        elif cause is not None:
            for writer in self._watched.pop(incarnation, ()):
                writer.write(write_line(WorkerGone(cause=cause)))


def _clear(socket: Path) -> None:
    """Remove a socket that nobody serves any more."""
    socket.unlink(missing_ok=True)


def read_options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options of the command line; ends the process if they are wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m queue_server.workers.lane_launcher", description="Start the worker of a lane when asked to."
    )
    parser.add_argument("--lane", required=True, help="lane whose worker is started")
    place = parser.add_mutually_exclusive_group(required=True)
    place.add_argument("--socket", type=Path, metavar="PATH", help="where a manager on this host gives its orders")
    place.add_argument("--link", metavar="ADDRESS", help="the worker link of a manager on another host")
    parser.add_argument("--state-dir", type=Path, metavar="DIR", help="with --link: where the worker keeps its reports")
    parser.add_argument("--secret-key-file", type=Path, metavar="FILE", help="with --link: private key of the worker")
    parser.add_argument("--manager-key-file", type=Path, metavar="FILE", help="with --link: public key of the manager")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or Ctrl-C; return the exit code of the process."""
    options = read_options(arguments)
    logs.configure()
    unit = ServiceUnit.take()
    try:
        asyncio.run(_serve(options.lane, options.socket, find_place(options), unit))
    except (OSError, CuelightError) as error:
        _log.error("The launcher of lane %s cannot serve: %s", options.lane, error)
        return 3
    finally:
        unit.close()
    return 0


def find_place(options: argparse.Namespace) -> FarPlace | None:
    """Return where a manager on another host is.

    Raises:
        ParameterError: a key is missing or cannot be used, or there is no place for reports.
    """
    if options.link is None:
        return None
    if options.state_dir is None:
        raise ParameterError(
            "--state-dir: the worker needs a directory of its own for its reports.", field="--state-dir"
        )
    files = (options.secret_key_file, options.manager_key_file)
    if (files[0] is None) != (files[1] is None):
        raise ParameterError(
            "--secret-key-file and --manager-key-file belong together: give both, or none for a link without keys.",
            field="--secret-key-file",
        )
    if files[0] is None:
        return FarPlace(options.link, options.state_dir)
    return FarPlace(options.link, options.state_dir, files, read_pair(*files))


async def _serve(lane: str, socket: Path | None, place: FarPlace | None, unit: ServiceUnit) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def end() -> None:
        unit.tell_stopping()
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    if place is not None:
        await FarLauncher(lane, place).serve(stop, lambda: unit.tell_ready(f"serves {place.address}"))
    elif socket is not None:
        await LaneLauncher(lane).serve(socket, stop, lambda: unit.tell_ready(f"waits at {socket}"))


if __name__ == "__main__":
    sys.exit(main())
