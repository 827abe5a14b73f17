"""Requests and answers of HTTP as values: what a method becomes, and what an answer means. Sends nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, cast
from urllib.parse import urlencode

from msgspec import Struct, field
from msgspec.structs import replace

from queue_server.client.caller import MethodRoute
from queue_server.client.calls.routes import ROUTES
from queue_server.client.exchange import REPLY_BOUNDS, Question
from queue_server.client.http_errors import (
    HTTPAccessError,
    HTTPAnswerError,
    HTTPClientError,
    HTTPRequestError,
    HTTPServerError,
    HTTPTimeoutError,
)
from queue_server.protocol.codec import Encoding, decode, encode
from queue_server.protocol.errors import (
    CuelightError,
    EnvelopeError,
    ParameterError,
    RefusedError,
    StorageError,
    UnknownMethodError,
)

PREFIX = "/v1"
KEY_HEADER = "Idempotency-Key"

EXPIRED = "Access token has expired"
"""So begins the answer to a request whose access token has expired."""

_TYPES: Mapping[Encoding, str] = {"json": "application/json", "msgpack": "application/msgpack"}
_PROBLEM_PREFIX = "urn:cuelight:problem:"
_VERBS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_BODILESS = ("GET", "DELETE")
_LONGEST_TEXT = 300
# Only over HTTP the replies of these have a cursor; for others it is a field of their own.
_PAGED = frozenset(ROUTES[name].path for name in ("queue_get", "history_get", "events_get") if name in ROUTES)

Reply = dict[str, Any]


class HttpRequest(Struct, frozen=True):
    """One request; ``label`` names it in errors."""

    verb: str
    path: str
    label: str
    timeout_s: float
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes | None = None

    def with_headers(self, headers: Mapping[str, str]) -> HttpRequest:
        """Return this request with further headers; those that it has already win."""
        return replace(self, headers={**headers, **self.headers})

    def preferring(self, headers: Mapping[str, str] | None) -> HttpRequest:
        """Return this request with the caller's own headers, which win."""
        if not headers:
            return self
        own = {name.lower() for name in headers}
        kept = {name: value for name, value in self.headers.items() if name.lower() not in own}
        return replace(self, headers={**kept, **headers})


class HttpAnswer(Struct, frozen=True):
    """What came back."""

    status: int
    kind: str
    body: bytes
    request_id: str = ""


class HttpQuestion(Question, frozen=True):
    """A request of ``RunControl`` as it goes over HTTP.

    ``request`` is None for a method that is not declared, ``route`` also for a verb and path of the caller's.
    """

    request: HttpRequest | None = None
    route: MethodRoute | None = None
    params: Mapping[str, Any] = field(default_factory=dict[str, Any])
    refreshes: bool = True


def request_of(route: MethodRoute, params: Mapping[str, Any], encoding: Encoding, question: Question) -> HttpRequest:
    """Return the request for a declared method."""
    headers = {"Accept": _TYPES[encoding]}
    path, body = f"{PREFIX}{route.path}", None
    if route.verb in _BODILESS:
        # The gateway reads values as JSON first; what is None is what the declaration has by default.
        path = _with_query(path, {name: _as_query(value) for name, value in params.items() if value is not None})
    else:
        headers["Content-Type"] = _TYPES[encoding]
        body = encode(dict(params), encoding)
    return HttpRequest(route.verb, path, question.method, question.timeout_s, headers, body)


def own_request(
    verb: str, path: str, params: Mapping[str, Any] | None, form: Mapping[str, Any] | None, timeout_s: float
) -> HttpRequest:
    """Return the request for a verb and path: ``params`` is the query of GET and DELETE, else the JSON body.

    Raises:
        ParameterError: there are both a body and a form.
    """
    headers = {"Accept": "application/json"}
    body: bytes | None = None
    if params and verb in _BODILESS:
        path = _with_query(path, {name: _as_text(value) for name, value in params.items() if value is not None})
    if form is not None:
        if params and verb not in _BODILESS:
            raise ParameterError("Give either 'params' or 'data': a request has one body.", field="data")
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        body = urlencode({name: str(value) for name, value in form.items()}).encode()
    elif verb not in _BODILESS:
        headers["Content-Type"] = "application/json"
        body = encode(dict(params or {}), "json")
    return HttpRequest(verb, path, f"{verb} {path.partition('?')[0]}", timeout_s, headers, body)


def check_target(method: tuple[str, str] | list[str]) -> tuple[str, str]:
    """Return verb and path.

    Raises:
        ParameterError: they are no verb and path.
    """
    parts: list[object] = list(method)
    verb, path = (*parts, None, None)[:2]
    is_text = len(parts) == 2 and isinstance(verb, str) and isinstance(path, str)
    if is_text and str(path).startswith("/") and str(verb).upper() in _VERBS:
        return str(verb).upper(), str(path)
    raise ParameterError(
        f"'method' must be a name, or a verb and a path such as ('GET', '/api/status'), not {method!r}.", field="method"
    )


def unknown_method(name: str) -> Reply:
    """Return the reply to a method that is not declared, as a manager words it."""
    return {"success": False, "msg": f"Unknown method '{name}'", "error": {"code": UnknownMethodError.code}}


def route_named(name: str) -> MethodRoute | None:
    """Return where a declared method is found, or None if it is not declared."""
    return ROUTES.get(name)


def is_expired(answer: HttpAnswer) -> bool:
    """Return whether an answer says that the access token is too old."""
    return answer.status == 401 and _detail_in(_content_of(answer), answer).startswith(EXPIRED)


def reply_in(answer: HttpAnswer, route: MethodRoute | None = None) -> Any:
    """Return the reply in an answer, as it comes over 0MQ; a refusal of the manager is a reply too.

    Raises:
        HTTPClientError: the gateway does not accept the request.
        HTTPServerError: the gateway cannot answer it.
        HTTPRequestError: what came is no answer of a gateway.
    """
    content = _content_of(answer)
    if answer.status < 300:
        if content is None:
            raise HTTPRequestError(f"What answers with {answer.kind or 'nothing'} is not a gateway of Cuelight.")
        return content if route is None else _enveloped(content, route)
    refusal = _refusal_in(content)
    if refusal is not None:
        return refusal
    raise _error_in(content, answer)


def _enveloped(content: Any, route: MethodRoute) -> Reply:
    if not isinstance(content, dict):
        raise HTTPRequestError("The answer of the gateway is not an object.")
    fields = cast("Reply", content)
    if route.bare:
        return fields
    if route.path in _PAGED:
        fields.pop("next_cursor", None)
    return {"success": True, "msg": "", **fields}


def _refusal_in(content: Any) -> Reply | None:
    """Return the reply of a manager that refused, or None if the gateway itself did."""
    problem = cast("Reply", content) if isinstance(content, dict) else {}
    code = str(problem.get("type", "")).removeprefix(_PROBLEM_PREFIX)
    if code not in _REFUSALS:
        return None
    error: Reply = {"code": code, "details": problem.get("details") or {}, "request_id": problem.get("request_id", "")}
    fields = problem.get("fields")
    shown = cast("Reply", fields) if isinstance(fields, dict) else {}
    return {"success": False, "msg": str(problem.get("detail", "")), **shown, "error": error}


def _error_in(content: Any, answer: HttpAnswer) -> HTTPAnswerError:
    detail = _detail_in(content, answer)
    problem = cast("Reply", content) if isinstance(content, dict) else {}
    request_id = str(problem.get("request_id") or answer.request_id)
    details = problem.get("details")
    known = cast("Reply", details) if isinstance(details, dict) else {}
    return _kind_of(answer.status)(answer.status, detail, request_id=request_id, details=known)


def _kind_of(status: int) -> type[HTTPAnswerError]:
    if status in (401, 403):
        return HTTPAccessError
    if status == 504:
        return HTTPTimeoutError
    return HTTPClientError if status < 500 else HTTPServerError


def _detail_in(content: Any, answer: HttpAnswer) -> str:
    if isinstance(content, dict):
        detail = cast("Reply", content).get("detail")
        if detail:
            return detail if isinstance(detail, str) else json.dumps(detail, default=str)
    text = answer.body[:_LONGEST_TEXT].decode("utf-8", "replace").strip()
    return text or "no reason was given"


def _content_of(answer: HttpAnswer) -> Any:
    """Return what the body holds, or None if it is neither JSON nor msgpack."""
    if "msgpack" in answer.kind:
        try:
            return decode(answer.body, REPLY_BOUNDS)[0]
        except EnvelopeError:
            return None
    try:
        return json.loads(answer.body)
    except ValueError:
        return None


def _with_query(path: str, query: Mapping[str, str]) -> str:
    if not query:
        return path
    return f"{path}{'&' if '?' in path else '?'}{urlencode(query)}"


def _as_query(value: Any) -> str:
    if isinstance(value, str) and not _looks_like_json(value):
        return value
    return json.dumps(value)


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _looks_like_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _descend(kind: type[CuelightError]) -> Iterator[str]:
    yield kind.code
    for child in kind.__subclasses__():
        yield from _descend(child)


# What the manager answers; everything else is the gateway's own.
_REFUSALS = frozenset(
    code for kind in (RefusedError, ParameterError, UnknownMethodError, StorageError) for code in _descend(kind)
)
