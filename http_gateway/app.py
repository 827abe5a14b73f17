"""The application: the only place that puts the concrete parts of the gateway together."""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncGenerator, MutableMapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from http_gateway.auth.membership import Founder, Membership
from http_gateway.auth.throttle import SecretThrottle
from http_gateway.authorize import Guard
from http_gateway.config import GatewaySettings
from http_gateway.device_stream.hub import DeviceHub
from http_gateway.dialects.bluesky.accounts import add_provider_routers
from http_gateway.dialects.bluesky.dialect import add_dialect as add_bluesky
from http_gateway.dialects.bluesky.face import FACE as BLUESKY
from http_gateway.dialects.bluesky.streams import open_streams as open_bluesky_streams
from http_gateway.dialects.flowserv.dialect import add_dialect as add_flowserv
from http_gateway.dialects.flowserv.face import FACE as FLOWSERV
from http_gateway.dialects.ica.dialect import add_dialect as add_ica
from http_gateway.dialects.ica.face import FACE as ICA
from http_gateway.dialects.ica.service import open_batches
from http_gateway.dialects.scanhub.device_service import open_devices
from http_gateway.dialects.scanhub.dialect import add_dialect as add_scanhub
from http_gateway.dialects.scanhub.face import FACE as SCANHUB
from http_gateway.errors import RouteError, TooLargeError, VerbError
from http_gateway.feed import NoticeFeed
from http_gateway.followed import Followed
from http_gateway.link import ManagerLink
from http_gateway.literal_routes import LiteralRoutes, Rescue, literals_in
from http_gateway.metrics import MeasuredChannel, Metrics
from http_gateway.middleware import BodyOverflowError, Drain, Receive, RequestFrame, Send
from http_gateway.mutations import MutationMark, mark_path
from http_gateway.native import FACE as NATIVE
from http_gateway.native_face import add_native, open_native
from http_gateway.routes import Face, Services, path_of, request_id_of
from http_gateway.run_stream.hub import RunHub
from http_gateway.run_stream.sources import RunSources
from http_gateway.site import SITE
from http_gateway.status import PushedStatus
from http_gateway.vigil import Vigil
from queue_server import __version__
from queue_server.client.keys import SERVER_KEY_NAME, STOCK_SERVER_KEY_NAME, CurveKeys, find_keys
from queue_server.clock import AnchoredClock, Clock, SystemClock
from queue_server.protocol.errors import BusyError, CuelightError, ShuttingDownError
from queue_server.protocol.notices import STATUS_TOPIC

_log = logging.getLogger(__name__)

# What Python says of a thread that the system refuses.
_NO_THREAD = "start new thread"
_TOO_MUCH = "The gateway has no thread for this request now; nothing was done. Repeat it later."

# The longest prefix decides the form of an error; what is below none of them is native.
FACES = (BLUESKY, NATIVE, SCANHUB, FLOWSERV, ICA)


def create_app(settings: GatewaySettings, expiry: Clock | None = None) -> FastAPI:
    """Return the application. Nothing is opened before it starts. ``expiry`` tells what has expired.

    Raises:
        ParameterError: the single-user key, a provider or a policy cannot be used.
    """
    clock = SystemClock()
    expiry = expiry or AnchoredClock(clock)
    founder = Founder(settings, settings, expiry)

    @asynccontextmanager
    async def live(app: FastAPI) -> AsyncGenerator[None]:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(SITE.serving(settings))
            membership = await _open_membership(app, founder, stack)
            app.state.desk, app.state.registration = membership.desk, membership.registration
            guard = Guard(membership.accounts, query_keys=settings.query_keys, throttle=SecretThrottle(clock))
            app.state.services = await _open_services(stack, settings, guard, clock, metrics)
            open_bluesky_streams(app, stack, app.state.services)
            open_native(app, stack, app.state.services, expiry)
            await open_devices(app, stack, app.state.services, expiry)
            await open_batches(app, app.state.services)
            # Scripts of sites wait for this line.
            _log.info("Bluesky HTTP Server started successfully")
            yield

    app = FastAPI(
        title="Cuelight",
        version=__version__,
        lifespan=live,
        docs_url=None,
        openapi_url=None,
        redoc_url=None,
        redirect_slashes=False,
        # With it on, what the environment says about telemetry is looked up for each request.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    rescues: dict[type[Exception], Rescue] = {HTTPException: _answer_http_error, BodyOverflowError: _answer_overflow}
    # The middleware that is added first is the innermost.
    app.add_middleware(LiteralRoutes, table=literals_in(app), rescues=rescues)
    _add_dialects(app, settings, founder)
    metrics = add_native(app, settings)
    for kind, rescue in rescues.items():
        app.add_exception_handler(kind, rescue)
    app.add_exception_handler(Exception, _answer_fault)
    if settings.allow_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.allow_origins),
            allow_credentials=True,
            allow_methods=["*"],
            allow_headers=["*"],
        )
    app.state.drain = Drain(_refuse_new)
    app.add_middleware(
        RequestFrame, most_body_bytes=settings.most_body_bytes, refuse=_refuse_body, drain=app.state.drain
    )
    return app


def _add_dialects(app: FastAPI, settings: GatewaySettings, founder: Founder) -> None:
    add_bluesky(app, settings)
    add_provider_routers(app, founder.providers, BLUESKY.prefix)
    add_scanhub(app)
    add_flowserv(app)
    add_ica(app)


async def _open_membership(app: FastAPI, founder: Founder, stack: AsyncExitStack) -> Membership:
    try:
        return await founder.open(stack)
    except CuelightError as error:
        # The server only logs what fails at the start; whoever runs it asks for it here.
        app.state.failure = error
        raise


async def _open_services(
    stack: AsyncExitStack, settings: GatewaySettings, guard: Guard, clock: Clock, metrics: Metrics
) -> Services:
    keys = _find_keys(settings)
    mark = MutationMark(mark_path(settings.data, settings.control))
    stack.callback(mark.close)
    # The private socket of our own manager is protected by the mode of its file.
    channel = MeasuredChannel(settings.control, None if settings.delegates else keys, metrics)
    stack.push_async_callback(channel.close)
    feed = NoticeFeed(settings.info, keys)
    stack.push_async_callback(feed.close)
    link = ManagerLink(channel, mark, delegates=settings.delegates, timeout_s=settings.timeout_s)
    status = PushedStatus(link, mark, clock)
    stack.callback(feed.listen([STATUS_TOPIC], status.hear))
    vigil = Vigil(guard.renew)
    stack.push_async_callback(vigil.close)
    followed = _open_followed(stack, link, RunSources(link, settings.data, settings.control, keys), status, clock)
    stack.callback(feed.listen([STATUS_TOPIC], followed.devices.hear))
    return Services(settings, clock, link, feed, status, followed, guard, vigil)


def _open_followed(
    stack: AsyncExitStack, link: ManagerLink, sources: RunSources, status: PushedStatus, clock: Clock
) -> Followed:
    runs = RunHub(link, sources, clock)
    stack.push_async_callback(runs.close)
    devices = DeviceHub(link, sources, status, clock)
    stack.push_async_callback(devices.close)
    return Followed(runs, devices)


def _find_keys(settings: GatewaySettings) -> CurveKeys | None:
    if settings.server_key is None:
        return find_keys(None)
    others = {name: value for name, value in os.environ.items() if name != SERVER_KEY_NAME}
    return find_keys(None, {**others, STOCK_SERVER_KEY_NAME: settings.server_key})


def face_of(path: str) -> Face:
    """Return the face whose prefix is the longest that fits a path."""
    deepest = max(FACES, key=lambda face: face.depth(path))
    return deepest if deepest.depth(path) >= 0 else NATIVE


async def _answer_http_error(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    known: dict[int, CuelightError] = {404: RouteError("Not Found"), 405: VerbError("Method Not Allowed")}
    shown = known.get(status, CuelightError(str(error)))
    face = face_of(path_of(request.scope))
    if isinstance(error, HTTPException) and face is BLUESKY and error.detail != shown.message:
        # A router of the site has raised it, and says itself what clients read.
        return JSONResponse({"detail": error.detail}, status, error.headers)
    return face.render(shown, request_id_of(request))


async def _answer_overflow(request: Request, error: Exception) -> Response:
    return face_of(path_of(request.scope)).render(
        TooLargeError("The body is too large.", headers={"Connection": "close"}), request_id_of(request)
    )


async def _answer_fault(request: Request, error: Exception) -> Response:
    request_id = request_id_of(request)
    if isinstance(error, RuntimeError) and _NO_THREAD in str(error):
        _log.error("%s %s is refused (%s): there are no more threads", request.method, request.url.path, request_id)
        return face_of(path_of(request.scope)).render(BusyError(_TOO_MUCH), request_id)
    _log.error("%s %s failed (%s)", request.method, request.url.path, request_id, exc_info=error)
    return face_of(path_of(request.scope)).render(CuelightError(), request_id)


async def _refuse_body(scope: MutableMapping[str, Any], receive: Receive, send: Send, most_bytes: int) -> None:
    error = TooLargeError(f"The body is larger than {most_bytes} bytes.", headers={"Connection": "close"})
    response = face_of(path_of(scope)).render(error, scope["state"]["request_id"])
    await response(scope, receive, send)


async def _refuse_new(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
    error = ShuttingDownError("The gateway is stopping; the request was not done. Repeat it once it runs again.")
    response = face_of(scope["path"]).render(error, scope["state"]["request_id"])
    response.headers["Connection"] = "close"
    await response(scope, receive, send)
