"""The description of the native routes as OpenAPI, and pages that show it. They load nothing from other sites."""

from __future__ import annotations

import mimetypes
from functools import cache
from pathlib import Path

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from http_gateway.authorize import PUBLIC
from http_gateway.link import Caller
from http_gateway.routes import Handler, Route

SWAGGER = Path(__file__).parent / "swagger_ui"
_POLICY = {
    # The pictures of the interface stand in its style sheet.
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; object-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_FILES = {
    "/docs": "index.html",
    "/docs/start.js": "start.js",
    "/docs/swagger-ui-bundle.js": "swagger-ui-bundle.js",
    "/docs/swagger-ui.css": "swagger-ui.css",
}


async def tell_openapi(request: Request, caller: Caller) -> Response:
    """Answer the document."""
    # It takes seconds to make, once, in which the gateway has to answer others.
    document = await run_in_threadpool(request.app.openapi)
    return Response(orjson.dumps(document), headers=_POLICY, media_type="application/json")


def _show(name: str) -> Handler:
    headers = {**_POLICY, "Cache-Control": "no-cache", "Accept-Ranges": "none"}
    kind = mimetypes.guess_type(name)[0]

    async def show(request: Request, caller: Caller) -> Response:
        # Always the whole: each of the many ranges that a request can ask for would cost a turn of a thread.
        return Response(_read(name), headers=headers, media_type=kind)

    return show


@cache
def _read(name: str) -> bytes:
    return (SWAGGER / name).read_bytes()


# They tell nothing that is not public with the source code, so no credential is asked for.
ROUTES = (
    Route(
        verb="GET", path="/openapi.json", scope=PUBLIC, handler=tell_openapi, summary="The description of the routes."
    ),
    *(
        Route(verb="GET", path=path, scope=PUBLIC, handler=_show(name), summary="A page that shows the routes.")
        for path, name in _FILES.items()
    ),
)
