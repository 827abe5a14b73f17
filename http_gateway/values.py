"""The values in the query of a request, each of the type that its declaration wants, and those of query and body."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.requests import Request

from queue_server.protocol.errors import ParameterError
from queue_server.protocol.method import SECRET_FIELDS, NoParams

# Names in a query that are for the guard.
_CREDENTIALS = ("api_key", "csrf")


def read_query(request: Request, params: type[BaseModel], texts: Iterable[str] = ()) -> dict[str, Any]:
    """Return the values in the query of a request, each as its declaration wants it, else as text.

    Names in ``texts`` are always text.

    Raises:
        ParameterError: a name is given twice with different values.
    """
    values: dict[str, Any] = {}
    if not request.scope["query_string"]:
        return values
    for name in request.query_params:
        if name in _CREDENTIALS:
            continue
        given = request.query_params.getlist(name)
        if len(set(given)) > 1:
            shown = "" if name in SECRET_FIELDS else f": {given}"
            raise ParameterError(f"The query has {name!r} more than once{shown}.", field=name)
        values[name] = given[0] if name in texts else convert(given[0], params, name)
    return values


def refuse_query(request: Request) -> None:
    """Refuse whatever is in the query of a request that has no use for it.

    Raises:
        ParameterError: there is something; the message names it.
    """
    unknown = read_query(request, NoParams)
    if unknown:
        raise ParameterError(f"The query has {next(iter(unknown))!r}, which means nothing here.", field="query")


def merge(body: Mapping[str, Any], query: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of both places.

    Raises:
        ParameterError: they contradict each other; the message names the key.
    """
    for name, value in query.items():
        if name in body and body[name] != value:
            if name in SECRET_FIELDS:
                raise ParameterError(f"{name!r} differs in the body and in the query; leave one out.", field=name)
            raise ParameterError(
                f"{name!r} is {body[name]!r} in the body and {value!r} in the query; leave one out.", field=name
            )
    return {**body, **query}


def convert(text: str, params: type[BaseModel], name: str) -> Any:
    """Return the value of a text as the declaration of its name wants it, else the text."""
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
