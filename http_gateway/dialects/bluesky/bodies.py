"""The values of bluesky requests: a JSON object as body on every verb whatever its content type, and the query."""

from __future__ import annotations

from typing import Any, TypeVar, cast

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import Request

from http_gateway.bounded import read_whole
from http_gateway.errors import BodyError
from http_gateway.values import merge, read_query
from queue_server.protocol.errors import ParameterError


class Values(BaseModel):
    """What a route of the gateway itself takes; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


_Read = TypeVar("_Read", bound=Values)


async def read_body(request: Request, *, required: bool) -> dict[str, Any]:
    """Return the JSON object in the body of a request, whatever its verb and its content type.

    Raises:
        BodyError: the body is not a JSON object, or is missing although it is ``required``.
        TooLargeError, SlowBodyError: it is too large or too slow.
    """
    data = await read_whole(request)
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


async def read_values(request: Request, kind: type[_Read], *, required: bool = False) -> _Read:
    """Return the values in body and query of a GET request; with ``required`` one of both must be there.

    Raises:
        BodyError: as ``read_body``.
        ParameterError: a key is unknown, missing, contradictory or of a wrong type; the message names it.
    """
    query = read_query(request, kind)
    given = merge(await read_body(request, required=required and not query), query)
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        raise _explain(error) from error


def _explain(error: ValidationError) -> ParameterError:
    problems = error.errors(include_url=False, include_context=False)
    names = {problem["type"]: {str(each["loc"][0]) for each in problems if each["type"] == problem["type"]}
             for problem in problems}  # fmt: skip
    # The wording is that of bluesky-httpserver; its users match it.
    if "extra_forbidden" in names:
        unknown = names["extra_forbidden"]
        return ParameterError(f"Request contains keys the are not supported: {show_names(unknown)}", field=min(unknown))
    if "missing" in names:
        missing = names["missing"]
        return ParameterError(
            f"Some required keys are missing in the request: {show_names(missing)}", field=min(missing)
        )
    first = problems[0]
    name = str(first["loc"][0])
    return ParameterError(f"Incorrect parameters: '{name}': {first['msg']}, not {first['input']!r}", field=name)


def show_names(names: set[str]) -> str:
    """Return names as bluesky-httpserver shows them."""
    return "{" + ", ".join(repr(name) for name in sorted(names)) + "}"
