"""Whether the records can be served: asked without a credential, answered without details."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from http_gateway.authorize import UNREAD
from http_gateway.dialects.scanhub.exam_calls import answer
from http_gateway.health import tell_ready
from http_gateway.link import Caller
from http_gateway.routes import Route


async def readiness(request: Request, caller: Caller) -> Response:
    """Answer once the store of the manager and the accounts have answered.

    Raises:
        CuelightError: one of them does not.
    """
    await tell_ready(request, caller)
    return answer({"status": "ok"})


def readiness_route(prefix: str) -> Route:
    """Return the route below ``prefix`` that tells it."""
    return Route(
        verb="GET",
        path=f"{prefix}/health/readiness",
        scope=UNREAD,
        handler=readiness,
        summary="Whether the records can be served.",
    )
