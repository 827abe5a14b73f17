"""Talk to a Cuelight manager from Python: ``RunControl`` here blocks, the one in ``asynchronous`` awaits.

Importing this package loads neither pydantic nor the declarations of the methods.
"""

from __future__ import annotations

from queue_server.client.blocking import RunControl
from queue_server.client.exchange import UnreachableError
from queue_server.client.http_errors import (
    HTTPAccessError,
    HTTPClientError,
    HTTPConnectError,
    HTTPOnlyError,
    HTTPRequestError,
    HTTPServerError,
    HTTPTimeoutError,
)
from queue_server.client.keys import CurveKeys
from queue_server.protocol.errors import (
    CommunicationError,
    CuelightError,
    ParameterError,
    RequestFailedError,
    RequestTimeoutError,
)

__all__ = [
    "CommunicationError",
    "CuelightError",
    "CurveKeys",
    "HTTPAccessError",
    "HTTPClientError",
    "HTTPConnectError",
    "HTTPOnlyError",
    "HTTPRequestError",
    "HTTPServerError",
    "HTTPTimeoutError",
    "ParameterError",
    "RequestFailedError",
    "RequestTimeoutError",
    "RunControl",
    "UnreachableError",
]
