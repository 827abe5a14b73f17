"""The face of the ICA dialect: its prefix, where it takes credentials, and its form of errors."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import orjson
from starlette.responses import Response

from http_gateway.credentials import Rules
from http_gateway.dialects.ica.errors import ContentError
from http_gateway.errors import BodyError, headers_of, lacks_identity
from http_gateway.routes import Face
from queue_server.protocol.errors import CommunicationError, CuelightError, ParameterError

# Where both headers arrive, both must be good and of one user.
RULES = Rules(("bearer", "x-api-key"), demands_all=True)
MEDIA_TYPE = "application/problem+json"


def render_error(error: CuelightError, request_id: str) -> Response:
    """Return the answer for an error: a problem with ``parameters`` and ``timestamp``; ``id`` stands in the log."""
    status, headers = _status_of(error), headers_of(error)
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    title = HTTPStatus(status).phrase
    body: dict[str, Any] = {
        "id": str(uuid.UUID(request_id)),
        "type": "about:blank",
        "title": (error.title if isinstance(error, ContentError) else "") or title,
        "status": status,
        "detail": title if status == 500 else error.message,
        "parameters": _places_of(error),
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
    }
    return Response(orjson.dumps(body), status, headers, media_type=MEDIA_TYPE)


def _status_of(error: CuelightError) -> int:
    if lacks_identity(error):
        return 401
    if isinstance(error, CommunicationError):
        return 503
    return 400 if isinstance(error, (ParameterError, BodyError)) else error.http_status


def _places_of(error: CuelightError) -> dict[str, str]:
    if isinstance(error, ContentError):
        return error.places
    return {error.field: error.message} if isinstance(error, ParameterError) and error.field else {}


FACE = Face("ica", "/ica/rest", render_error, RULES)
