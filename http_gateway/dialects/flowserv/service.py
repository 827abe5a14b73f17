"""The route of the service itself: what it is called, where it is, and which routes it has."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from http_gateway.authorize import PUBLIC
from http_gateway.dialects.flowserv.asking import answer
from http_gateway.dialects.flowserv.face import FACE
from http_gateway.dialects.flowserv.paths import PATTERNS
from http_gateway.dialects.flowserv.route import declare
from http_gateway.link import Caller
from queue_server import __version__

_NAME: Final = "Cuelight"
_ROUTES: Final = [{"id": route_id, "pattern": pattern} for route_id, (_, pattern) in PATTERNS.items()]


async def tell_service(request: Request, caller: Caller) -> Response:
    """Describe the service and its routes."""
    url = f"{str(request.base_url).rstrip('/')}{FACE.prefix}"
    described = {"name": _NAME, "version": __version__, "url": url, "routes": _ROUTES}
    if not caller.identity.is_anonymous:
        described["username"] = caller.identity.user
    return answer(described)


_ROUTE = declare("service", PUBLIC, tell_service)
ROUTES = (_ROUTE, replace(_ROUTE, path="/"))
