"""``/``, ``/ping`` and ``/status`` of the bluesky dialect, answered from what the manager has pushed."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from http_gateway.link import Caller
from http_gateway.routes import Route, services_of


async def _answer_status(request: Request, caller: Caller) -> Response:
    frame = await services_of(request).status.frame()
    return Response(frame, media_type="application/json")


ROUTES = tuple(
    Route(verb="GET", path=path, scope="read:status", handler=_answer_status, summary="Status of the manager.")
    for path in ("/", "/ping", "/status")
)
