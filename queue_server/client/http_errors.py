"""What can go wrong between a client and the gateway. Says nothing about requests that the manager refuses.

::

    CommunicationError
    ├── HTTPRequestError              http_request   no answer came: the connection broke, or what came is not HTTP
    │   └── HTTPConnectError          http_connect   nothing accepted a connection (also an UnreachableError)
    └── HTTPAnswerError               http_answer    the gateway answered with an error
        ├── HTTPClientError           http_client    4xx: the request is wrong
        │   └── HTTPAccessError       http_access    401, 403: the credential is missing, expired or not enough
        └── HTTPServerError           http_server    5xx: the gateway or its manager cannot answer
            └── HTTPTimeoutError      http_timeout   504: the manager is silent (also a RequestTimeoutError)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from queue_server.client.exchange import UnreachableError
from queue_server.protocol.errors import CommunicationError, ForbiddenError, ParameterError, RequestTimeoutError


class HTTPRequestError(CommunicationError):
    """No answer came over HTTP."""

    code = "http_request"


class HTTPConnectError(HTTPRequestError, UnreachableError):
    """Nothing accepted a connection; the request was not sent."""

    code = "http_connect"
    exit_code = CommunicationError.exit_code


class HTTPAnswerError(CommunicationError):
    """The gateway answered with an error.

    Attributes:
        status: the HTTP status.
        detail: what the gateway says is wrong.
        request_id: under this id the gateway's log has the request; empty if it gave none.
    """

    code = "http_answer"

    def __init__(
        self, status: int, detail: str, *, request_id: str = "", details: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(f"{status}: {detail}", details=details)
        self.status = status
        self.detail = detail
        self.request_id = request_id


class HTTPClientError(HTTPAnswerError):
    """The gateway does not accept the request."""

    code = "http_client"


class HTTPAccessError(HTTPClientError):
    """The credential is missing, expired or not enough."""

    code = "http_access"
    exit_code = ForbiddenError.exit_code


class HTTPServerError(HTTPAnswerError):
    """The gateway cannot answer the request."""

    code = "http_server"


class HTTPTimeoutError(HTTPServerError, RequestTimeoutError):
    """The manager did not answer the gateway in time; it may still carry the request out."""

    code = "http_timeout"
    exit_code = RequestTimeoutError.exit_code


class HTTPOnlyError(ParameterError, ValueError):
    """This is for a connection over HTTP."""

    code = "http_only"
