"""The route with which clients test their own time-outs; it exists only while a setting allows it."""

from __future__ import annotations

import asyncio
import math
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response

from http_gateway.dialects.bluesky.bodies import read_body
from http_gateway.link import Caller
from http_gateway.routes import Route
from http_gateway.values import merge
from queue_server.protocol.errors import ParameterError

LONGEST_S: Final = 60.0


async def _wait(request: Request, caller: Caller) -> Response:
    query = dict(request.query_params)
    body = await read_body(request, required=not query)
    await asyncio.sleep(_read_time(merge(body, query)))
    return Response(orjson.dumps({"success": True, "msg": ""}), media_type="application/json")


def _read_time(values: dict[str, Any]) -> float:
    unknown = sorted(set(values) - {"time"})
    if unknown:
        raise ParameterError(f"Request contains keys the are not supported: {set(unknown)}", field=unknown[0])
    if "time" not in values:
        # The wording is that of bluesky-httpserver; its users match it.
        raise ParameterError(f"The required parameter 'time' is missing in the API call: {values}", field="time")
    try:
        seconds = float(values["time"]) if isinstance(values["time"], str | int | float) else math.nan
    except ValueError:
        seconds = math.nan
    if isinstance(values["time"], bool) or not 0 <= seconds <= LONGEST_S:
        raise ParameterError(
            f"'time' must be a number of seconds from 0 to {LONGEST_S:g}, not {values['time']!r}", field="time"
        )
    return seconds


ROUTES = (
    Route(
        verb="GET",
        path="/test/server/sleep",
        scope="read:testing",
        handler=_wait,
        summary="Wait for a number of seconds.",
    ),
)
