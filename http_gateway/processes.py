"""Serves in one process or in several that share a listening socket; a process that dies or hangs is replaced.

The processes share nothing else but the files of the data directory, so that losing one loses nothing.
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import socket
from collections.abc import Mapping
from typing import Any

from http_gateway.config import GatewaySettings, Place, read_settings
from http_gateway.server import DRAIN_S, Listener, bind, places_of, serve, warn_if_open
from http_gateway.tls import find_certificate
from queue_server.clock import Chance, SystemClock, take_anchor
from queue_server.keeper import Keeper, Service
from queue_server.protocol.errors import CuelightError

_log = logging.getLogger(__name__)

SOCKET_KEY = "listening_socket"
"""Beside the settings of a process that serves on a socket which it has inherited: the file descriptor."""
ANCHOR_KEY = "clock_anchor_s"
"""Beside it the anchor of the clock by which things expire: what one process gives out, the others must read alike."""

_ALIVE_EACH_S = 1.0


class ProcessError(CuelightError):
    """A process of the gateway cannot start; its own message stands in the log."""

    code = "gateway_process"
    exit_code = 3


def read_own(values: Mapping[str, Any], sources: Mapping[Place, str] | None = None) -> GatewaySettings:
    """Return the settings among ``values``.

    Raises:
        ParameterError: a value is wrong or a name unknown; the message names it.
    """
    own = {name: value for name, value in values.items() if name not in (SOCKET_KEY, ANCHOR_KEY)}
    return read_settings(own, sources)


async def run(values: Mapping[str, Any], listener: Listener, stop: asyncio.Event) -> None:
    """Serve with these settings until ``stop`` is set, in as many processes as they ask for.

    Raises:
        OSError: the address cannot be listened on.
        CuelightError: a setting cannot be used.
    """
    settings = read_own(values)
    if SOCKET_KEY in values:
        inherited = socket.socket(fileno=values[SOCKET_KEY])
        await serve(settings, listener, stop, inherited, drain_s=DRAIN_S, anchor_s=values[ANCHOR_KEY])
        return
    bound = bind(settings.http)
    warn_if_open(bound, settings)
    if settings.workers == 1:
        await serve(settings, listener, stop, bound, drain_s=DRAIN_S)
        return
    try:
        find_certificate(settings)
        await _Processes(values, settings, bound, listener).run(stop)
    finally:
        bound.close()


class _Processes:
    """Keeps them. The first one starts alone, so that what all need, such as the tables of accounts, is made once."""

    def __init__(
        self, values: Mapping[str, Any], settings: GatewaySettings, bound: socket.socket, listener: Listener
    ) -> None:
        self._content = json.dumps({**values, SOCKET_KEY: bound.fileno(), ANCHOR_KEY: take_anchor()})
        self._listener = listener
        self._places = places_of(bound, settings)
        self._serving: set[int] = set()
        self._news = asyncio.Event()
        clock, chance = SystemClock(), Chance()
        self._keepers = [
            Keeper(self._describe(number, bound.fileno()), clock, chance) for number in range(settings.workers)
        ]

    async def run(self, stop: asyncio.Event) -> None:
        """Keep the processes until ``stop`` is set.

        Raises:
            ProcessError: one of them cannot start.
        """
        running = [asyncio.create_task(self._keepers[0].run(), name="gateway process 1")]
        ending = asyncio.create_task(stop.wait(), name="stop")
        telling = asyncio.create_task(self._tell(), name="reports")
        try:
            await self._await_service(1, {*running, ending})
            if self._serving:
                running += [
                    asyncio.create_task(keeper.run(), name=f"gateway process {number}")
                    for number, keeper in enumerate(self._keepers[1:], 2)
                ]
                await self._await_service(len(self._keepers), {*running, ending})
            if len(self._serving) == len(self._keepers):
                _log.info("%d processes serve %s", len(self._keepers), self._places[1])
                self._listener.ready(*self._places)
            await asyncio.wait({*running, ending}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ending.cancel()
            for keeper in self._keepers:
                keeper.ask_to_stop(signal.SIGTERM)
            codes = await asyncio.gather(*running)
            telling.cancel()
        if not stop.is_set():
            raise ProcessError(f"A process cannot start (exit code {max(codes)}); the log above says why.")

    async def _await_service(self, count: int, ends: set[asyncio.Task[Any]]) -> None:
        """Wait until ``count`` processes serve, or one of the tasks has ended."""
        while len(self._serving) < count and not any(task.done() for task in ends):
            self._news.clear()
            news = asyncio.create_task(self._news.wait())
            await asyncio.wait({news, *ends}, return_when=asyncio.FIRST_COMPLETED)
            news.cancel()

    async def _tell(self) -> None:
        while True:
            self._listener.alive()
            await asyncio.sleep(_ALIVE_EACH_S)

    def _describe(self, number: int, handle: int) -> Service:
        def serves(_: Mapping[str, Any]) -> None:
            self._serving.add(number)
            self._news.set()

        def is_gone() -> None:
            self._serving.discard(number)

        return Service(
            f"gateway process {number + 1}", "http_gateway", lambda: self._content, serves, is_gone, inherited=(handle,)
        )
