"""What a site adds to the bluesky dialect: routers of its own behind the guard, and modules of its own."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType

from fastapi import APIRouter, Depends, FastAPI
from starlette.exceptions import WebSocketException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from http_gateway.authorize import ANYBODY_KNOWN
from http_gateway.errors import GatewayError
from http_gateway.routes import Face, admit, request_id_of
from queue_server.protocol.errors import CuelightError, ParameterError

_log = logging.getLogger(__name__)

_POLICY_VIOLATION = 1008


def add_routers(app: FastAPI, face: Face, names: Iterable[str]) -> None:
    """Serve the routers named ``module.router`` below the prefix of the face, for every identity that is known.

    Raises:
        ParameterError: one cannot be imported.
    """
    routers = [_load_router(name) for name in dict.fromkeys(names)]
    if not routers:
        return
    app.add_exception_handler(CuelightError, _renderer(face))
    for router in routers:
        prefix = "" if router.prefix == face.prefix or router.prefix.startswith(f"{face.prefix}/") else face.prefix
        app.include_router(router, prefix=prefix, dependencies=[Depends(_guard)])


def load_modules(names: Iterable[str]) -> tuple[ModuleType, ...]:
    """Return the modules of a site in this order; one that cannot be imported is logged and left out."""
    modules: list[ModuleType] = []
    with ThreadPoolExecutor(1) as pool:
        for name in dict.fromkeys(names):
            # A site's module may fail in any way, and must not keep the gateway down.
            outcome = pool.submit(importlib.import_module, name)
            error = outcome.exception()
            if error is None:
                modules.append(outcome.result())
            else:
                _log.warning("The custom module %s cannot be imported and is left out.", name, exc_info=error)
    return tuple(modules)


def _load_router(name: str) -> APIRouter:
    module_name, _, router_name = name.rpartition(".")
    if not module_name:
        raise ParameterError(
            f"The custom router {name!r} must have the form module.router, such as site_routes.router.",
            field="custom_routers",
        )
    try:
        router = getattr(importlib.import_module(module_name), router_name)
    except Exception as error:
        raise ParameterError(
            f"The custom router {name!r} cannot be imported: {error}", field="custom_routers"
        ) from error
    if not isinstance(router, APIRouter):
        raise ParameterError(f"{name!r} is no router of FastAPI, but {type(router).__name__}.", field="custom_routers")
    return router


async def _guard(connection: HTTPConnection) -> None:
    try:
        await admit(connection, ANYBODY_KNOWN)
    except GatewayError as error:
        if connection.scope["type"] == "websocket":
            # Before an accept this is a 403 at the handshake.
            raise WebSocketException(_POLICY_VIOLATION) from error
        raise


def _renderer(face: Face) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def render(request: Request, error: Exception) -> Response:
        shown = error if isinstance(error, CuelightError) else CuelightError()
        return face.render(shown, request_id_of(request))

    return render
