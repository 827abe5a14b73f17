"""Errors of the native routes: problem details as JSON (RFC 9457), with a stable type and the id of the request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, cast

import orjson
from starlette.responses import Response

from http_gateway.errors import CredentialError, GatewayError, SchemeError, ScopeError
from queue_server.protocol.errors import BusyError, CuelightError, ParameterError, ShuttingDownError

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:cuelight:problem:"
_FAULT = "Something unforeseen went wrong; the log has the details under the request id."


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong, for a machine (``code``, ``details``) and for a person (``text``).

    ``fields`` are what the manager shows beside a refusal, such as the result of each item of a batch.
    """

    status: int
    code: str
    text: str
    details: Mapping[str, Any] = field(default_factory=dict[str, Any])
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    fields: Mapping[str, Any] = field(default_factory=dict[str, Any])


def problem_of(error: CuelightError) -> Problem:
    """Return the problem that an error of the gateway is."""
    headers = dict(error.headers) if isinstance(error, GatewayError) else {}
    status = _status_of(type(error))
    if isinstance(error, ScopeError) and error.anonymous:
        status = HTTPStatus.UNAUTHORIZED
    if status == HTTPStatus.UNAUTHORIZED and isinstance(error, (CredentialError, ScopeError)):
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, BusyError):
        headers["Retry-After"] = "1"
    text = _FAULT if type(error) is CuelightError else error.message
    return Problem(status, error.code, text, error.details, headers)


def describe_error(error: CuelightError) -> dict[str, Any]:
    """Return what a frame of the stream says of an error."""
    problem = problem_of(error)
    return {"code": problem.code, "status": problem.status, "detail": problem.text, "details": dict(problem.details)}


def problem_in(reply: Mapping[str, Any]) -> Problem:
    """Return the problem that the manager's refusal is."""
    error = reply.get("error")
    known = cast("dict[str, Any]", error) if isinstance(error, dict) else {}
    code = str(known.get("code", "refused"))
    headers = {"Retry-After": "1"} if code in (BusyError.code, ShuttingDownError.code) else {}
    details: dict[str, Any] = known.get("details") or {}
    fields = {name: value for name, value in reply.items() if name not in ("success", "msg", "error")}
    return Problem(_STATUSES.get(code, 409), code, str(reply.get("msg", "")), details, headers, fields)


def show(problem: Problem, request_id: str) -> Response:
    """Return the answer for a problem."""
    body = {
        "type": f"{TYPE_PREFIX}{problem.code}",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.text,
        "request_id": request_id,
        **({"details": problem.details} if problem.details else {}),
        **({"fields": problem.fields} if problem.fields else {}),
    }
    data = orjson.dumps(body, default=str, option=orjson.OPT_NON_STR_KEYS)
    return Response(data, problem.status, dict(problem.headers), media_type=MEDIA_TYPE)


def render_problem(error: CuelightError, request_id: str) -> Response:
    """Return the answer for an error of the gateway."""
    return show(problem_of(error), request_id)


def _status_of(kind: type[CuelightError]) -> int:
    # A value of a wrong form is told field by field, which is what 422 is for; other faces have one code for both.
    return 422 if issubclass(kind, ParameterError) else kind.http_status


def _all_errors(kind: type[CuelightError]) -> Iterator[type[CuelightError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _all_errors(child)


_STATUSES = {kind.code: _status_of(kind) for kind in _all_errors(CuelightError) if not issubclass(kind, SchemeError)}
