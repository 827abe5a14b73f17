"""The bodies of bluesky clients: a JSON object on every verb, whatever the content type says."""

from __future__ import annotations

from typing import Any, cast

import orjson
from starlette.requests import Request

from http_gateway.errors import BodyError


async def read_body(request: Request, *, required: bool) -> dict[str, Any]:
    """Return the JSON object in the body of a request, whatever its verb and its content type.

    Raises:
        BodyError: the body is not a JSON object, or is missing although it is ``required``.
    """
    data = await request.body()
    if not data.strip():
        if required:
            raise BodyError("Field required")
        return {}
    try:
        body = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise BodyError(f"JSON decode error: {error}", kind="json_invalid", given={}) from error
    if not isinstance(body, dict):
        raise BodyError("Input should be a valid dictionary", kind="dict_type", given=body)
    return cast("dict[str, Any]", body)
