"""The application: the only place that puts the concrete parts of the gateway together."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, MutableMapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response

from http_gateway import health
from http_gateway.auth.single_user import SingleUser, keep_key, read_key
from http_gateway.authorize import Guard
from http_gateway.config import GatewaySettings
from http_gateway.dialects.bluesky import forwards as bluesky_forwards
from http_gateway.dialects.bluesky import status as bluesky_status
from http_gateway.dialects.bluesky.face import FACE as BLUESKY
from http_gateway.errors import RouteError, TooLargeError, VerbError
from http_gateway.feed import NoticeFeed
from http_gateway.link import ManagerLink
from http_gateway.middleware import BodyOverflowError, Receive, RequestFrame, Send
from http_gateway.mutations import MutationMark, mark_path
from http_gateway.native import FACE as NATIVE
from http_gateway.native import routes_of
from http_gateway.openapi import describe
from http_gateway.routes import Face, Services, add_routes, request_id_of
from http_gateway.status import PushedStatus
from queue_server import __version__
from queue_server.client.channel import ControlChannel
from queue_server.client.keys import find_keys
from queue_server.clock import Clock, SystemClock
from queue_server.protocol.errors import CuelightError
from queue_server.protocol.methods import METHODS
from queue_server.protocol.notices import STATUS_TOPIC

_log = logging.getLogger(__name__)

# The longest prefix decides the form of an error; what is below none of them is native.
FACES = (BLUESKY, NATIVE)


def create_app(settings: GatewaySettings, clock: Clock | None = None) -> FastAPI:
    """Return the application. Nothing is opened before it starts.

    Raises:
        ParameterError: the single-user key cannot be used.
    """
    accounts = SingleUser(_find_key(settings), allow_anonymous=settings.allow_anonymous)
    guard = Guard(accounts, query_keys=settings.query_keys)

    @asynccontextmanager
    async def live(app: FastAPI) -> AsyncGenerator[None]:
        async with AsyncExitStack() as stack:
            app.state.services = await _open_services(stack, settings, guard, clock or SystemClock())
            yield

    app = FastAPI(title="Cuelight", version=__version__, lifespan=live, docs_url=None, redoc_url=None)
    add_routes(app, BLUESKY, (*bluesky_status.ROUTES, *bluesky_forwards.ROUTES))
    if settings.test_routes:
        add_routes(app, BLUESKY, bluesky_forwards.TESTING_ROUTES)
    add_routes(app, NATIVE, (*health.ROUTES, *routes_of(METHODS.values())))
    describe(app, NATIVE.prefix, METHODS.values())
    app.add_exception_handler(HTTPException, _answer_http_error)
    app.add_exception_handler(BodyOverflowError, _answer_overflow)
    app.add_exception_handler(Exception, _answer_fault)
    if settings.allow_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.allow_origins),
            allow_credentials=True,
            allow_methods=["*"],
            allow_headers=["*"],
        )
    app.add_middleware(RequestFrame, most_body_bytes=settings.most_body_bytes, refuse=_refuse_body)
    return app


async def _open_services(stack: AsyncExitStack, settings: GatewaySettings, guard: Guard, clock: Clock) -> Services:
    keys = find_keys(None)
    mark = MutationMark(mark_path(settings.data, settings.control))
    stack.callback(mark.close)
    channel = ControlChannel(settings.control, keys)
    stack.push_async_callback(channel.close)
    feed = NoticeFeed(settings.info, keys)
    stack.push_async_callback(feed.close)
    link = ManagerLink(channel, mark, delegates=settings.delegates, timeout_s=settings.timeout_s)
    status = PushedStatus(link, mark, clock)
    stack.callback(feed.listen([STATUS_TOPIC], status.hear))
    return Services(settings, clock, link, feed, status, guard)


def _find_key(settings: GatewaySettings) -> str:
    if settings.api_key_file is not None:
        return read_key(settings.api_key_file)
    key, is_new = keep_key(settings.data)
    if is_new:
        _log.warning("The API key of the gateway is %s (kept in %s)", key, settings.data / "api-key")
    return key


def face_of(path: str) -> Face:
    """Return the face whose prefix is the longest that fits a path."""
    fitting = [face for face in FACES if path == face.prefix or path.startswith(f"{face.prefix}/")]
    return max(fitting, key=lambda face: len(face.prefix), default=NATIVE)


async def _answer_http_error(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    known: dict[int, CuelightError] = {404: RouteError("Not Found"), 405: VerbError("Method Not Allowed")}
    shown = known.get(status, CuelightError(str(error)))
    return face_of(request.url.path).render(shown, request_id_of(request))


async def _answer_overflow(request: Request, error: Exception) -> Response:
    return face_of(request.url.path).render(TooLargeError("The body is too large."), request_id_of(request))


async def _answer_fault(request: Request, error: Exception) -> Response:
    request_id = request_id_of(request)
    _log.error("%s %s failed (%s)", request.method, request.url.path, request_id, exc_info=error)
    return face_of(request.url.path).render(CuelightError(), request_id)


async def _refuse_body(scope: MutableMapping[str, Any], receive: Receive, send: Send, most_bytes: int) -> None:
    error = TooLargeError(f"The body is larger than {most_bytes} bytes.", headers={"Connection": "close"})
    response = face_of(scope["path"]).render(error, scope["state"]["request_id"])
    await response(scope, receive, send)
