"""A launcher on another host than the manager: it connects to the worker link, and its workers do the same."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import zmq
from msgspec import Struct

from queue_server.client.keys import CurveKeys
from queue_server.client.sockets import connect_dealer
from queue_server.protocol.codec import CLIENT_BOUNDS
from queue_server.protocol.errors import EnvelopeError
from queue_server.protocol.launcher_link import STANDING_EACH_S, LaneStanding, unpack_order
from queue_server.protocol.worker_link import pack
from queue_server.transport.stream import Frames, Stream, make_socket
from queue_server.workers.lane_workers import LaneWorkers, Program, worker_program

_log = logging.getLogger(__name__)

_NOTHING: Final[Mapping[str, str]] = {}
_DOCUMENTS = "--documents"
_RECONNECT_MS = 50
_RECONNECT_MOST_MS = 1000


class FarPlace(Struct, frozen=True):
    """Where the manager is as seen from here, where workers keep their reports, and the keys of both.

    Attributes:
        address: the worker link of the manager.
        state: a directory of this host.
        key_files: the private key of the workers and the public key of the manager; None for a link without keys.
        keys: what stands in these files.
    """

    address: str
    state: Path
    key_files: tuple[Path, Path] | None = None
    keys: CurveKeys | None = None

    def options(self, given: Sequence[str]) -> list[str]:
        """Return the options of a worker as they are right here; those that come last count."""
        options = [*given, "--link", self.address, "--state-dir", str(self.state)]
        if _DOCUMENTS in given:
            options += [_DOCUMENTS, self._reach(given[given.index(_DOCUMENTS) + 1])]
        if self.key_files is not None:
            secret, manager = self.key_files
            options += ["--secret-key-file", str(secret), "--manager-key-file", str(manager)]
        return options

    def _reach(self, address: str) -> str:
        """Return where another socket of the manager is: at the host of the link, whatever it is bound to."""
        return f"{self.address.rpartition(':')[0]}:{address.rpartition(':')[2]}"


class FarLauncher:
    """Takes the orders of a manager over the worker link; for one event loop."""

    def __init__(self, lane: str, place: FarPlace, program: Program = worker_program) -> None:
        self._lane = lane
        self._place = place
        self._workers = LaneWorkers(lane, lambda _: self._tell(), lambda options: program(place.options(options)))
        self._stream: Stream | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def serve(self, stop: asyncio.Event, ready: Callable[[], None] = lambda: None) -> None:
        """Take orders until ``stop`` is set; then the worker is asked to end, too.

        Raises:
            OSError: there is no place for reports.
            CommunicationError: the address cannot be used.
        """
        self._place.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        socket = make_socket(context, zmq.DEALER, most_bytes=CLIENT_BOUNDS.size_bytes)
        # What waits for a connection would be old when it comes.
        socket.set(zmq.IMMEDIATE, 1)
        socket.set(zmq.RECONNECT_IVL, _RECONNECT_MS)
        socket.set(zmq.RECONNECT_IVL_MAX, _RECONNECT_MOST_MS)
        socket.set(zmq.ROUTING_ID, f"launcher.{self._lane}.{os.getpid()}".encode())
        connect_dealer(socket, self._place.address, self._place.keys)
        self._stream = Stream(socket, self._take)
        try:
            self._tell()
            ready()
            await stop.wait()
            await self._workers.end_all()
            self._tell()
        finally:
            if self._timer is not None:
                self._timer.cancel()
            self._stream.close(linger_ms=500)
            self._stream = None
            await asyncio.to_thread(context.term)
            await self._workers.close()

    def _take(self, frames: Frames) -> None:
        try:
            order = unpack_order(frames[0])
        except EnvelopeError as error:
            _log.error("An order was not understood: %s", error)
            return
        cause = self._workers.obey(order)
        self._tell({} if cause is None else {order.incarnation: cause})

    def _tell(self, asked: Mapping[str, str] = _NOTHING) -> None:
        """Say how the lane stands, and what the answer to an order is; now, and the former again in a second."""
        if self._stream is None:
            return
        running = next((who for who, pid in self._workers.running.items() if pid is not None), None)
        self._stream.send([pack(LaneStanding(lane=self._lane, running=running, ends={**self._workers.ends, **asked}))])
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(STANDING_EACH_S, self._tell)
