"""Errors of the native routes: problem details as JSON (RFC 9457), with a stable type and the id of the request."""

from __future__ import annotations

from http import HTTPStatus

import orjson
from starlette.responses import Response

from http_gateway.errors import CredentialError, GatewayError, SchemeError, ScopeError
from queue_server.protocol.errors import CuelightError

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:cuelight:problem:"


def render_problem(error: CuelightError, request_id: str) -> Response:
    """Return the answer for an error."""
    status = error.http_status
    if isinstance(error, ScopeError) and error.anonymous:
        status = 401
    headers = dict(error.headers) if isinstance(error, GatewayError) else {}
    if status == 401 and isinstance(error, (CredentialError, ScopeError)) and not isinstance(error, SchemeError):
        headers["WWW-Authenticate"] = "Bearer"
    if status >= 500 and type(error) is CuelightError:
        detail = "Something unforeseen went wrong; the log has the details under the request id."
    else:
        detail = error.message
    problem = {
        "type": f"{TYPE_PREFIX}{error.code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "request_id": request_id,
        **({"details": error.details} if error.details else {}),
    }
    body = orjson.dumps(problem, default=str, option=orjson.OPT_NON_STR_KEYS)
    return Response(body, status, headers, media_type=MEDIA_TYPE)
