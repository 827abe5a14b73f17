"""How a face declares its routes: verb, path, scope and handler, each in one value. A route without scope cannot be."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from http_gateway.authorize import Guard
from http_gateway.config import GatewaySettings
from http_gateway.errors import GatewayError
from http_gateway.feed import NoticeFeed
from http_gateway.link import Caller, Conditions, ManagerLink
from http_gateway.status import PushedStatus
from http_gateway.turns import Turns
from queue_server.clock import Clock
from queue_server.protocol.errors import CuelightError

Handler = Callable[[Request, Caller], Awaitable[Response]]
SocketHandler = Callable[[WebSocket, Caller], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Services:
    """What the handlers of all faces share."""

    settings: GatewaySettings
    clock: Clock
    link: ManagerLink
    feed: NoticeFeed
    status: PushedStatus
    guard: Guard
    turns: Turns = field(default_factory=Turns)


@dataclass(frozen=True, slots=True)
class Face:
    """One protocol below one prefix; ``render`` gives the form in which it shows errors."""

    name: str
    prefix: str
    render: Callable[[CuelightError, str], Response]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One verb on one path, below the prefix of its face; ``document`` is what OpenAPI says beyond the summary."""

    verb: str
    path: str
    scope: str
    handler: Handler
    summary: str
    document: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Socket:
    """One WebSocket, below the prefix of its face. A refusal is a 403 at the handshake."""

    path: str
    scope: str
    handler: SocketHandler
    summary: str


def services_of(connection: HTTPConnection) -> Services:
    """Return what the handlers share."""
    services: Services = connection.app.state.services
    return services


def request_id_of(connection: HTTPConnection) -> str:
    """Return the id under which the log has this request."""
    return str(connection.scope.get("state", {}).get("request_id", ""))


def conditions_of(request: Request) -> Conditions:
    """Return what the headers ``Idempotency-Key`` and ``If-Match`` (with the uid of the queue) demand."""
    match = request.headers.get("if-match")
    return Conditions(request.headers.get("idempotency-key") or None, match.strip().strip('"') if match else None)


def declared_in(app: FastAPI) -> dict[tuple[str, str], str]:
    """Return the scope of everything that faces serve, by verb and path; the verb of a WebSocket is WEBSOCKET."""
    known: dict[tuple[str, str], str] = getattr(app.state, "declared", {})
    app.state.declared = known
    return known


def add_routes(app: FastAPI, face: Face, routes: Iterable[Route]) -> None:
    """Serve the routes of a face."""
    for route in routes:
        declared_in(app)[route.verb, f"{face.prefix}{route.path}"] = route.scope
        app.router.add_api_route(
            f"{face.prefix}{route.path}",
            _endpoint(face, route),
            methods=[route.verb],
            name=f"{face.name} {route.verb} {route.path}",
            summary=route.summary,
            tags=[face.name],
            response_class=Response,
            route_class_override=_DirectRoute,
        )


def add_sockets(app: FastAPI, face: Face, sockets: Iterable[Socket]) -> None:
    """Serve the WebSockets of a face."""
    for socket in sockets:
        declared_in(app)["WEBSOCKET", f"{face.prefix}{socket.path}"] = socket.scope
        app.add_api_websocket_route(f"{face.prefix}{socket.path}", _socket_endpoint(socket), name=socket.summary)


class _DirectRoute(APIRoute):
    """Hands a request to its endpoint without what FastAPI does for endpoints that declare parameters."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; another verb is a 405."""
        if scope["method"] not in self.methods:
            await super().handle(scope, receive, send)
            return
        response: Response = await self.endpoint(Request(scope, receive, send))
        await response(scope, receive, send)


def _endpoint(face: Face, route: Route) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            caller = await admit(request, route.scope)
            return await route.handler(request, caller)
        except CuelightError as error:
            return face.render(error, request_id_of(request))

    return endpoint


def _socket_endpoint(socket: Socket) -> Callable[[WebSocket], Awaitable[None]]:
    async def endpoint(websocket: WebSocket) -> None:
        try:
            caller = await admit(websocket, socket.scope)
        except GatewayError:
            # Without an accept this is a 403 at the handshake.
            await websocket.close()
            return
        await socket.handler(websocket, caller)

    return endpoint


async def admit(connection: HTTPConnection, scope: str) -> Caller:
    """Return for whom a connection asks, if it may pass.

    Raises:
        CredentialError, ScopeError, OriginError: it may not.
    """
    identity = await services_of(connection).guard.admit(connection, scope)
    client = connection.client.host if connection.client is not None else ""
    return Caller(identity, request_id_of(connection), client)
