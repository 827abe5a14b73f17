"""JSON or msgpack, as the headers of a request say: reading bodies and writing answers of the native routes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from http_gateway.bounded import read_whole
from queue_server.protocol.codec import CLIENT_BOUNDS, decode, encode, recognise
from queue_server.protocol.errors import EnvelopeError

JSON = "application/json"
MSGPACK = "application/msgpack"
_MSGPACK_NAMES = (MSGPACK, "application/x-msgpack", "application/vnd.msgpack")


def describe_answer(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return what OpenAPI says about a route that answers such a value."""
    content = {kind: {"schema": dict(schema)} for kind in (JSON, MSGPACK)}
    return {"responses": {"200": {"description": "Done.", "content": content}}}


def describe_parameter(name: str, where: str, text: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return what OpenAPI says about a parameter in the path, which is always there, or in the query."""
    return {"name": name, "in": where, "required": where == "path", "description": text, "schema": dict(schema)}


async def read_map(request: Request) -> dict[str, Any]:
    """Return the map in the body of a request; an empty body is an empty map.

    Raises:
        EnvelopeError: the body is malformed, no map, or in another encoding than its content type says.
        TooLargeError, SlowBodyError: it is too large or too slow.
    """
    data = await read_whole(request)
    if not data.strip():
        return {}
    kind = request.headers.get("content-type", JSON).partition(";")[0].strip().lower()
    if kind not in (JSON, *_MSGPACK_NAMES):
        raise EnvelopeError(f"The content type {kind!r} is not read here; send {JSON} or {MSGPACK}.")
    wanted = "json" if kind == JSON else "msgpack"
    if recognise(data) != wanted:
        raise EnvelopeError(f"The body is not {kind}.")
    body, _ = decode(data, CLIENT_BOUNDS)
    return body


def answer(
    request: Request, content: Mapping[str, Any], headers: Mapping[str, str] | None = None, status: int = 200
) -> Response:
    """Return ``content`` in the encoding that the request accepts, JSON unless msgpack is named."""
    accepted = request.headers.get("accept", "")
    given = {"Vary": "Accept", **(headers or {})}
    if any(name in accepted for name in _MSGPACK_NAMES):
        return Response(encode(content, "msgpack"), status, given, media_type=MSGPACK)
    return Response(encode(content), status, given, media_type=JSON)
