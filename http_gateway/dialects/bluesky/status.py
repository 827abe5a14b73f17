"""``/``, ``/ping`` and ``/status`` of the bluesky dialect, answered from what the manager has pushed."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from http_gateway.authorize import PUBLIC
from http_gateway.dialects.bluesky.bodies import Values, read_values
from http_gateway.link import Caller
from http_gateway.routes import Route, services_of


class _Freshness(Values):
    reload: bool = False


async def _answer_status(request: Request, caller: Caller) -> Response:
    wanted = await read_values(request, _Freshness)
    frame = await services_of(request).status.frame(fresh=wanted.reload)
    return Response(frame, media_type="application/json")


async def _redirect(request: Request, caller: Caller) -> Response:
    # The only redirect of this dialect: its clients do not follow any.
    return RedirectResponse(f"{request.scope.get('root_path', '')}/api/", 307)


ROUTES = (
    Route(verb="GET", path="", scope=PUBLIC, handler=_redirect, summary="Redirects to the path with a slash."),
    *(
        Route(verb="GET", path=path, scope="read:status", handler=_answer_status, summary="Status of the manager.")
        for path in ("/", "/ping", "/status")
    ),
)
