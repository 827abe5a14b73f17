"""The face of the flowserv dialect: its prefix, where it takes credentials, and its form of errors."""

from __future__ import annotations

import orjson
from starlette.responses import Response

from http_gateway.credentials import Rules
from http_gateway.errors import BodyError, ScopeError, headers_of, lacks_identity
from http_gateway.routes import Face
from queue_server.protocol.errors import CommunicationError, CuelightError, ParameterError, RefusedError

# Its client sends the header with an underscore, and none with downloads; there a site can have it send Basic.
RULES = Rules(("api_key", "basic"))


def render_error(error: CuelightError, request_id: str) -> Response:
    """Return the answer for an error: a JSON object with ``message``; whoever may not gets a 403, also when unknown."""
    status, headers = _status_of(error), headers_of(error)
    if status == 500:
        headers["X-Request-ID"] = request_id
    message = "Internal Server Error" if status == 500 else error.message
    return Response(orjson.dumps({"message": message}), status, headers, media_type="application/json")


def _status_of(error: CuelightError) -> int:
    if lacks_identity(error) or isinstance(error, ScopeError):
        return 403
    if isinstance(error, CommunicationError):
        return 503
    # What does not fit the present state is bad input here, such as a name that somebody else has.
    is_unfit = isinstance(error, RefusedError) and error.http_status == RefusedError.http_status
    return 400 if is_unfit or isinstance(error, (ParameterError, BodyError)) else error.http_status


FACE = Face("flowserv", "/flowserv/api/v1", render_error, RULES)
