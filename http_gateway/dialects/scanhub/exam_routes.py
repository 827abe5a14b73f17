"""How a route of exam records is declared: scope, what a scan token opens, and what its document says."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from http_gateway.dialects.scanhub.exam_access import Check, nothing, visit_if
from http_gateway.link import Caller
from http_gateway.routes import Route

ExamHandler = Callable[[Request, Caller], Awaitable[Response]]
READ, WRITE = "read:exams", "write:exams"
PREFIX = "/exam"

_KEY = ("Idempotency-Key", "Under the same key the request is done once.")
_MATCH = ("If-Match", "The `version` on which the request is based.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the document says about a route.

    ``body`` is the schema of a body of the content type ``media``; ``result`` the name of the model that is answered
    with ``status``, with ``[]`` behind it for a list, and empty for no content. ``query`` has the parameters of the
    query and what each is; a name ends with ``?`` if it may be left out. ``matches`` tells whether ``If-Match`` counts.
    """

    body: Mapping[str, Any] | None = None
    media: str = "application/json"
    result: str = ""
    status: int = 200
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    matches: bool = True


def exam_route(verb: str, path: str, handler: ExamHandler, *, opens: Check = nothing, **told: Any) -> Route:
    """Return a route below the prefix of exam records.

    The first line of the handler's docstring is its summary. ``opens`` says what a scan token may do there; ``told``
    are the fields of ``Told``.
    """
    return Route(
        verb=verb,
        path=f"{PREFIX}{path}",
        scope=READ if verb == "GET" else WRITE,
        handler=handler,
        summary=(handler.__doc__ or "").partition("\n")[0],
        document={"operationId": getattr(handler, "__name__", path), **describe(verb, path, Told(**told))},
        visit=visit_if(opens),
    )


def describe(verb: str, path: str, told: Told) -> dict[str, Any]:
    """Return the operation of a route for OpenAPI, as far as its answer to what is right."""
    parameters = [_parameter(name, "path") for name in re.findall(r"{(\w+)}", path)]
    parameters += [_parameter(name, "query", text) for name, text in told.query.items()]
    headers = {"GET": (), "POST": (_KEY,)}.get(verb, (_KEY, _MATCH) if told.matches else (_KEY,))
    parameters += [_parameter(f"{name}?", "header", text) for name, text in headers]
    success: dict[str, Any] = {"description": "Done."}
    if told.result:
        success["content"] = {"application/json": {"schema": _schema_of(told.result)}}
    operation: dict[str, Any] = {"parameters": parameters, "responses": {str(told.status): success}}
    if told.body is not None:
        operation["requestBody"] = {"required": True, "content": {told.media: {"schema": told.body}}}
    return operation


def refer(model: str) -> dict[str, Any]:
    """Return the schema that stands for a model."""
    return {"$ref": f"#/components/schemas/{model}"}


def _schema_of(result: str) -> dict[str, Any]:
    one = [refer(name) for name in result.removesuffix("[]").split("|")]
    schema = one[0] if len(one) == 1 else {"oneOf": one}
    return {"type": "array", "items": schema} if result.endswith("[]") else schema


def _parameter(name: str, place: str, text: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": name.removesuffix("?"),
        "in": place,
        "required": not name.endswith("?"),
        "schema": {"type": "string"},
    }
    return {**found, "description": text} if text else found
