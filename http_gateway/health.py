"""Whether the gateway lives, and whether it can serve. Needs no credential and tells no details."""

from __future__ import annotations

import orjson
from starlette.requests import Request
from starlette.responses import Response

from http_gateway.authorize import PUBLIC
from http_gateway.link import Caller
from http_gateway.routes import Route, services_of


async def _tell_alive(request: Request, caller: Caller) -> Response:
    return Response(orjson.dumps({"alive": True}), media_type="application/json")


async def _tell_ready(request: Request, caller: Caller) -> Response:
    await services_of(request).status.frame()
    return Response(orjson.dumps({"ready": True}), media_type="application/json")


ROUTES = (
    Route(verb="GET", path="/health/live", scope=PUBLIC, handler=_tell_alive, summary="Whether the process lives."),
    Route(verb="GET", path="/health/ready", scope=PUBLIC, handler=_tell_ready, summary="Whether the manager answers."),
)
