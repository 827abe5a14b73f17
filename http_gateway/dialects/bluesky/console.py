"""Console output of the bluesky dialect by request and as an endless answer."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import orjson
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from http_gateway.dialects.bluesky.bodies import Values, read_values
from http_gateway.dialects.bluesky.sending import FrameStream
from http_gateway.dialects.bluesky.streams import streams_of
from http_gateway.link import Caller
from http_gateway.routes import Route, services_of

_SCOPE = "read:console"
_LINES_TYPE = "application/x-ndjson"


class _Size(Values):
    nlines: int = Field(default=200, description="How many lines at most.")


class _Known(Values):
    last_msg_uid: str = Field(description="Uid of the newest message that the client knows, or ALL.")


class _Nothing(Values):
    pass


async def _tell_text(request: Request, caller: Caller) -> Response:
    wanted = await read_values(request, _Size)
    return _answer({"text": streams_of(request).console.text.tail(wanted.nlines)})


async def _tell_uid(request: Request, caller: Caller) -> Response:
    await read_values(request, _Nothing)
    return _answer({"console_output_uid": streams_of(request).console.newest_uid})


async def _tell_update(request: Request, caller: Caller) -> Response:
    known = await read_values(request, _Known, required=True)
    console = streams_of(request).console
    messages = b",".join(console.frames_after(known.last_msg_uid))
    head = orjson.dumps({"success": True, "msg": "", "last_msg_uid": console.newest_uid})
    return Response(b'%s,"console_output_msgs":[%s]}' % (head[:-1], messages), media_type="application/json")


async def _stream(request: Request, caller: Caller) -> Response:
    await read_values(request, _Nothing)
    frames = streams_of(request).console.broadcast
    hold = partial(services_of(request).vigil.hold, caller.identity, _SCOPE)
    # Without a separator unless lines are asked for: the clients of today count braces and fail at a line feed.
    if _LINES_TYPE in request.headers.get("accept", ""):
        return FrameStream(frames, "\n", _LINES_TYPE, hold=hold)
    return FrameStream(frames, "", "text/plain", hold=hold)


def _answer(fields: Mapping[str, Any]) -> Response:
    return Response(orjson.dumps({"success": True, "msg": "", **fields}), media_type="application/json")


ROUTES = tuple(
    Route(verb="GET", path=path, scope=_SCOPE, handler=handler, summary=summary)
    for path, handler, summary in (
        ("/console_output", _tell_text, "The last lines of the console output."),
        ("/console_output/uid", _tell_uid, "A uid that changes with the console output."),
        ("/console_output_update", _tell_update, "The console output since a message that is known."),
        ("/stream_console_output", _stream, "The console output as it comes, without end."),
    )
)
