"""From an HTTP request of a bluesky client to the values it gives: body and query, on every verb."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import orjson
from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.requests import Request

from http_gateway.errors import BodyError
from queue_server.protocol.errors import ParameterError


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


def read_query(request: Request, params: type[BaseModel], hidden: frozenset[str]) -> dict[str, Any]:
    """Return the values in the query of a request, each as its declaration wants it, else as text.

    ``hidden`` are names that belong to the gateway itself, such as the credential.

    Raises:
        ParameterError: a name is given twice with different values.
    """
    values: dict[str, Any] = {}
    for name in request.query_params:
        if name in hidden:
            continue
        texts = request.query_params.getlist(name)
        if len(set(texts)) > 1:
            raise ParameterError(f"The query has {name!r} more than once: {texts}.", field=name)
        values[name] = _convert(texts[0], params, name)
    return values


def merge(body: Mapping[str, Any], query: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of both places.

    Raises:
        ParameterError: they contradict each other; the message names the key.
    """
    for name, value in query.items():
        if name in body and body[name] != value:
            raise ParameterError(
                f"{name!r} is {body[name]!r} in the body and {value!r} in the query; leave one out.", field=name
            )
    return {**body, **query}


def _convert(text: str, params: type[BaseModel], name: str) -> Any:
    field = params.model_fields.get(name)
    if field is None or field.annotation is None:
        return text
    adapter: TypeAdapter[Any] = TypeAdapter(field.annotation)
    for candidate in (_read_json(text), text):
        try:
            return adapter.validate_python(candidate, strict=True)
        except ValidationError:
            continue
    return text


def _read_json(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
