"""Serves the application on one listening socket, and says when it is ready and that it lives."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address

import uvicorn

from http_gateway.app import create_app
from http_gateway.config import GatewaySettings
from http_gateway.connections import PatientProtocol, PatientSocketProtocol
from http_gateway.middleware import Drain
from http_gateway.routes import Services
from http_gateway.tls import find_certificate
from queue_server.clock import AnchoredClock, Clock, SystemClock
from queue_server.protocol.errors import CuelightError

_log = logging.getLogger(__name__)

GRACE_S = 2
# How long a gateway that is told to end still says so to those who ask, before it closes its socket.
DRAIN_S = 0.5
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
        try:
            await super().startup(sockets)
        except SystemExit:
            _raise_failure(self)
            raise
        if self.started:
            self.has_started.set()


async def serve(
    settings: GatewaySettings,
    listener: Listener,
    stop: asyncio.Event,
    bound: socket.socket | None = None,
    *,
    drain_s: float = 0.0,
    anchor_s: float | None = None,
) -> None:
    """Serve until ``stop`` is set, on ``bound`` if there is such a listening socket already.

    ``anchor_s`` is that of the clock of other processes that serve on the same socket.
    From then on new requests are refused for ``drain_s`` seconds, with the advice to repeat them; those that had begun
    are answered.

    Raises:
        OSError: the address cannot be listened on.
        ParameterError: a setting cannot be used.
        StorageError: the accounts cannot be opened.
    """
    bound = bound or bind(settings.http)
    try:
        server = _Server(_configure(settings, AnchoredClock(SystemClock(), anchor_s)))
        serving = asyncio.create_task(server.serve(sockets=[bound]), name="server")
        telling = asyncio.create_task(_tell(server, settings, bound, listener), name="reports")
        stopping = asyncio.create_task(_stop(server, stop, drain_s), name="stop")
        try:
            await serving
        finally:
            for task in (telling, stopping):
                task.cancel()
            await asyncio.gather(telling, stopping, return_exceptions=True)
    finally:
        bound.close()


def bind(address: str) -> socket.socket:
    """Return a socket that listens on HOST:PORT.

    Raises:
        OSError: it cannot be listened on.
    """
    host, _, port = address.rpartition(":")
    try:
        found = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise OSError(error.errno, f"cannot listen on {address}: {error.strerror}") from error
    # Clients that know 'localhost' in both families try the other one too; those that know only one know this one.
    family, kind, protocol, _, place = min(found, key=lambda entry: entry[0] != socket.AF_INET)
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(place)
        bound.listen(_BACKLOG)
        bound.setblocking(False)
    except OSError as error:
        bound.close()
        raise OSError(error.errno, f"cannot listen on {address}: {error.strerror}") from error
    return bound


def places_of(bound: socket.socket, settings: GatewaySettings) -> tuple[str, str]:
    """Return HOST:PORT of a listening socket, and the address for browsers on this host."""
    host, port = bound.getsockname()[:2]
    reached = host
    if ip_address(host).is_unspecified:
        reached = "::1" if ":" in host else "127.0.0.1"
    scheme = "http" if settings.tls_cert is None else "https"
    return f"{_bracket(host)}:{port}", f"{scheme}://{_bracket(reached)}:{port}"


def warn_if_open(bound: socket.socket, settings: GatewaySettings) -> None:
    """Say in the log that credentials will travel unencrypted, where other hosts can reach the gateway."""
    host = bound.getsockname()[0]
    if settings.tls_cert is None and not ip_address(host).is_loopback:
        _log.warning(
            "Other hosts can reach %s, and credentials travel to it unencrypted: use TLS (tls_cert, tls_key), or "
            "listen on 127.0.0.1 behind a proxy that does",
            host,
        )


def _configure(settings: GatewaySettings, expiry: Clock) -> uvicorn.Config:
    certificate = find_certificate(settings)
    # What is not named here, uvicorn would take from variables of its own.
    config = uvicorn.Config(
        create_app(settings, expiry),
        http=PatientProtocol,
        ws=PatientSocketProtocol,
        log_config=None,
        # Its own lines hold addresses with their queries, which may hold keys.
        log_level="warning",
        access_log=False,
        server_header=False,
        workers=1,
        root_path=settings.root_path,
        proxy_headers=settings.proxy_headers,
        forwarded_allow_ips=settings.trusted_proxies,
        timeout_graceful_shutdown=GRACE_S,
        ws_max_size=1024**2,
        # Compressing costs each reader time, and memory of its own.
        ws_per_message_deflate=False,
    )
    config.load()
    if certificate is not None:
        config.ssl = certificate.context
    return config


def _raise_failure(server: uvicorn.Server) -> None:
    """Raise what stopped the application while it started, of which the server only logs."""
    failure: CuelightError | None = getattr(getattr(server.config.app, "state", None), "failure", None)
    if failure is not None:
        raise failure


async def _tell(server: _Server, settings: GatewaySettings, bound: socket.socket, listener: Listener) -> None:
    await server.has_started.wait()
    listener.ready(*places_of(bound, settings))
    while True:
        listener.alive()
        await asyncio.sleep(_ALIVE_EACH_S)


async def _stop(server: _Server, stop: asyncio.Event, drain_s: float) -> None:
    await stop.wait()
    drain: Drain | None = getattr(getattr(server.config.app, "state", None), "drain", None)
    if drain is not None and drain_s > 0:
        drain.is_on = True
        await asyncio.sleep(drain_s)
    services: Services | None = getattr(getattr(server.config.app, "state", None), "services", None)
    if services is not None:
        # The server waits for open answers, and those of streams have no end of their own.
        services.vigil.end()
    server.should_exit = True


def _bracket(host: str) -> str:
    return f"[{host}]" if ":" in host else host
