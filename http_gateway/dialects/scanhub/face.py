"""The face of the scanhub dialect: its prefixes, where it takes credentials, and its form of errors."""

from __future__ import annotations

import orjson
from starlette.responses import Response

from http_gateway.credentials import Rules
from http_gateway.errors import BodyError, headers_of, lacks_identity
from http_gateway.routes import Face
from queue_server.protocol.errors import CommunicationError, CuelightError, ParameterError

# Devices prove themselves in other headers, which only their socket reads.
RULES = Rules(("bearer",))


def render_error(error: CuelightError, request_id: str) -> Response:
    """Return the answer for an error: a JSON object with ``detail``."""
    status, headers = _status_of(error), headers_of(error)
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if status == 500:
        headers["X-Request-ID"] = request_id
    detail = "Internal Server Error" if status == 500 else error.message
    return Response(orjson.dumps({"detail": detail}), status, headers, media_type="application/json")


def _status_of(error: CuelightError) -> int:
    if lacks_identity(error):
        return 401
    if isinstance(error, CommunicationError):
        return 503
    return 422 if isinstance(error, (ParameterError, BodyError)) else error.http_status


FACE = Face("scanhub", "/api/v1", render_error, RULES, ("/device", "/exam", "/userlogin", "/workflowmanager"))
