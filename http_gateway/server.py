"""Serves the application on a socket of its own, and says when it is ready and that it lives."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn

from http_gateway.app import create_app
from http_gateway.config import GatewaySettings

GRACE_S = 2
_ALIVE_EACH_S = 1.0
_BACKLOG = 2048


@dataclass(frozen=True, slots=True)
class Listener:
    """Who is told HOST:PORT and the address for browsers once the gateway serves, and each second that it lives."""

    ready: Callable[[str, str], None]
    alive: Callable[[], None]


class _Server(uvicorn.Server):
    """Tells when it has started; signals are left to whoever runs the event loop."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.has_started = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Capture none."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and tell."""
        await super().startup(sockets)
        if self.started:
            self.has_started.set()


async def serve(settings: GatewaySettings, listener: Listener, stop: asyncio.Event) -> None:
    """Serve until ``stop`` is set.

    Raises:
        OSError: the address cannot be listened on.
        ParameterError: a setting cannot be used.
    """
    bound = _bind(settings.http)
    try:
        config = uvicorn.Config(
            create_app(settings),
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE_S,
            ws_max_size=1024**2,
        )
        server = _Server(config)
        serving = asyncio.create_task(server.serve(sockets=[bound]), name="server")
        telling = asyncio.create_task(_tell(server, bound, listener), name="reports")
        stopping = asyncio.create_task(_stop(server, stop), name="stop")
        try:
            await serving
        finally:
            for task in (telling, stopping):
                task.cancel()
            await asyncio.gather(telling, stopping, return_exceptions=True)
    finally:
        bound.close()


async def _tell(server: _Server, bound: socket.socket, listener: Listener) -> None:
    await server.has_started.wait()
    host, port = bound.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    listener.ready(f"{shown}:{port}", f"http://{shown}:{port}")
    while True:
        listener.alive()
        await asyncio.sleep(_ALIVE_EACH_S)


async def _stop(server: _Server, stop: asyncio.Event) -> None:
    await stop.wait()
    server.should_exit = True


def _bind(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    family, kind, protocol, _, place = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)[0]
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(place)
        bound.listen(_BACKLOG)
    except OSError as error:
        bound.close()
        raise OSError(error.errno, f"cannot listen on {address}: {error.strerror}") from error
    return bound
