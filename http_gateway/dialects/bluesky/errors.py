"""How the bluesky dialect shows errors: its status codes, and the texts that its clients match."""

from __future__ import annotations

import orjson
from starlette.responses import Response

from http_gateway.errors import BodyError, CredentialError, GatewayError, SchemeError, ScopeError
from queue_server.protocol.errors import BusyError, CommunicationError, CuelightError, RequestTimeoutError

TIMEOUT_TEXT = "Request timeout: ZMQ communication error: timeout occurred"


def render_error(error: CuelightError, request_id: str) -> Response:
    """Return the answer for an error: a JSON object with ``detail``."""
    headers = dict(error.headers) if isinstance(error, GatewayError) else {}
    status = _status_of(error)
    if status == 401:
        required = " ".join(error.required) if isinstance(error, ScopeError) else ""
        headers["WWW-Authenticate"] = f'Bearer scope="{required}"' if required else "Bearer"
    if isinstance(error, BusyError):
        headers["Retry-After"] = "1"
    if status == 500:
        headers["X-Request-ID"] = request_id
    body = orjson.dumps({"detail": _detail_of(error, status)})
    return Response(body, status, headers, media_type="application/json")


def _status_of(error: CuelightError) -> int:
    if isinstance(error, RequestTimeoutError):
        return 408
    # This protocol has one code for a missing credential and for a missing scope.
    if isinstance(error, ScopeError) or (isinstance(error, CredentialError) and not isinstance(error, SchemeError)):
        return 401
    return error.http_status


def _detail_of(error: CuelightError, status: int) -> object:
    if isinstance(error, RequestTimeoutError):
        return TIMEOUT_TEXT
    if isinstance(error, BodyError):
        return [{"type": error.kind, "loc": ["body"], "msg": error.message, "input": error.given}]
    if status == 500:
        return "Internal Server Error"
    if isinstance(error, CommunicationError):
        return f"The manager cannot be asked: {error.message}"
    return error.message
