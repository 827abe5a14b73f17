"""How a face declares its routes: verb, path, scope and handler, each in one value. A route without scope cannot be."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match
from starlette.routing import Route as PlainRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from http_gateway.authorize import PUBLIC, Guard, require_known_origin
from http_gateway.config import GatewaySettings
from http_gateway.credentials import BLUESKY_RULES, NATIVE_RULES, Rules
from http_gateway.errors import ClosingError, GatewayError
from http_gateway.feed import NoticeFeed
from http_gateway.followed import Followed
from http_gateway.link import Caller, Conditions, ManagerLink
from http_gateway.literal_routes import literals_in
from http_gateway.status import PushedStatus
from http_gateway.turns import Turns
from http_gateway.vigil import Vigil
from queue_server.clock import Clock
from queue_server.protocol.errors import CuelightError

Handler = Callable[[Request, Caller], Awaitable[Response]]
SocketHandler = Callable[[WebSocket, Caller], Coroutine[Any, Any, None]]
Visit = Callable[[Request], Awaitable[Caller | None]]
"""Who may make this one request with a credential that is nobody's account; None if the accounts are to decide."""

CLOSE_FORBIDDEN = 1008
"""The code with which a socket ends whose reader has lost the right to it."""
CLOSE_RESTART = 1012
"""The code with which sockets end when the gateway does, as the server itself has it."""


@dataclass(frozen=True, slots=True)
class Services:
    """What the handlers of all faces share."""

    settings: GatewaySettings
    clock: Clock
    link: ManagerLink
    feed: NoticeFeed
    status: PushedStatus
    followed: Followed
    guard: Guard
    vigil: Vigil
    turns: Turns = field(default_factory=Turns)


@dataclass(frozen=True, slots=True)
class Face:
    """One protocol below one prefix, or below ``parts`` of it only.

    ``render`` gives the form in which it shows errors; ``rules`` say where it takes credentials.
    """

    name: str
    prefix: str
    render: Callable[[CuelightError, str], Response]
    rules: Rules = NATIVE_RULES
    parts: tuple[str, ...] = ("",)

    def depth(self, path: str) -> int:
        """Return the length of what a path has in common with this face; -1 for a path that is not below it."""
        prefixes = [f"{self.prefix}{part}" for part in self.parts]
        return max((len(each) for each in prefixes if path == each or path.startswith(f"{each}/")), default=-1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One verb on one path, below the prefix of its face; ``document`` is what OpenAPI says beyond the summary.

    ``visit`` is asked before the scope is; it raises where its own credentials do not open the route.
    """

    verb: str
    path: str
    scope: str
    handler: Handler
    summary: str
    document: Mapping[str, Any] | None = None
    visit: Visit | None = None


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


def path_of(scope: Mapping[str, Any]) -> str:
    """Return the path below the one at which a proxy shows the gateway."""
    path, root = str(scope["path"]), str(scope.get("root_path", ""))
    return path.removeprefix(root) if path == root or path.startswith(f"{root}/") else path


def declared_in(app: FastAPI) -> dict[tuple[str, str], str]:
    """Return the scope of everything that faces serve, by verb and path; the verb of a WebSocket is WEBSOCKET."""
    known: dict[tuple[str, str], str] = getattr(app.state, "declared", {})
    app.state.declared = known
    return known


def add_routes(app: FastAPI, face: Face, routes: Iterable[Route]) -> None:
    """Serve the routes of a face."""
    for route in routes:
        added = _DirectRoute(face, route)
        declared_in(app)[route.verb, added.path] = route.scope
        app.router.routes.append(added)
        if "{" not in added.path:
            literals_in(app).setdefault((route.verb, added.path), added)


def documented_in(app: FastAPI, prefix: str) -> list[BaseRoute]:
    """Return the routes below a prefix as FastAPI describes them; made when asked for, since that takes its time."""
    router = APIRouter()
    for added in app.router.routes:
        if not getattr(added, "path", "").startswith(prefix):
            continue
        if isinstance(added, _DirectRoute):
            words: dict[str, Any] = {"name": added.name, "summary": added.summary, "tags": [added.face]}
            verbs = list(added.methods)
            router.add_api_route(added.path, added.endpoint, methods=verbs, response_class=Response, **words)
        else:
            router.routes.append(added)
    return router.routes


def add_sockets(app: FastAPI, face: Face, sockets: Iterable[Socket]) -> None:
    """Serve the WebSockets of a face."""
    for socket in sockets:
        declared_in(app)["WEBSOCKET", f"{face.prefix}{socket.path}"] = socket.scope
        app.add_api_websocket_route(f"{face.prefix}{socket.path}", _socket_endpoint(face, socket), name=socket.summary)


class _DirectRoute(PlainRoute):
    """Hands a request to its endpoint without what FastAPI does for endpoints that declare parameters."""

    methods: set[str]

    def __init__(self, face: Face, route: Route) -> None:
        name = f"{face.name} {route.verb} {route.path}"
        super().__init__(f"{face.prefix}{route.path}", _endpoint(face, route), methods=[route.verb], name=name)
        # HEAD, which would come with GET, is a verb like others.
        self.methods = {route.verb}
        self.face, self.summary = face.name, route.summary

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Tell how well a request fits, and who counts it which route that is."""
        match, child_scope = super().matches(scope)
        return match, {**child_scope, "route": self} if match is not Match.NONE else child_scope

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
            visitor = await route.visit(request) if route.visit is not None else None
            caller = visitor or await admit(request, route.scope, face.rules)
            return await route.handler(request, caller)
        except CuelightError as error:
            return face.render(error, request_id_of(request))

    return endpoint


def _socket_endpoint(face: Face, socket: Socket) -> Callable[[WebSocket], Awaitable[None]]:
    async def endpoint(websocket: WebSocket) -> None:
        try:
            require_known_origin(websocket, services_of(websocket).settings.allow_origins)
            caller = await admit(websocket, socket.scope, face.rules)
        except GatewayError:
            # Without an accept this is a 403 at the handshake.
            await websocket.close()
            return
        if socket.scope == PUBLIC:
            await socket.handler(websocket, caller)
            return
        try:
            await services_of(websocket).vigil.hold(caller.identity, socket.scope, socket.handler(websocket, caller))
        except ClosingError as error:
            await _close(websocket, CLOSE_RESTART, error.message)
        except GatewayError as error:
            await _close(websocket, CLOSE_FORBIDDEN, error.message)

    return endpoint


async def _close(websocket: WebSocket, code: int, text: str) -> None:
    with suppress(TimeoutError, RuntimeError, WebSocketDisconnect):
        # A connection that takes nothing would hold this up.
        async with asyncio.timeout(1):
            await websocket.close(code, text[:100])


async def admit(connection: HTTPConnection, scope: str, rules: Rules = BLUESKY_RULES) -> Caller:
    """Return for whom a connection asks, if it may pass; ``rules`` say where its credential can be.

    Raises:
        CredentialError, ScopeError, OriginError: it may not.
    """
    identity = await services_of(connection).guard.admit(connection, scope, rules)
    client = connection.client.host if connection.client is not None else ""
    return Caller(identity, request_id_of(connection), client)
