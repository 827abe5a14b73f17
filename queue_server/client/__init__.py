"""Talk to a Cuelight manager from Python: ``RunControl`` here blocks, the one in ``asynchronous`` awaits.

Importing this package loads neither pydantic nor the declarations of the methods. Each name is loaded when it is asked
for: a manager and a worker, which use other modules of the package, need none of them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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

_HOMES = {
    "RunControl": "queue_server.client.blocking",
    "CurveKeys": "queue_server.client.keys",
    "UnreachableError": "queue_server.client.exchange",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    errors = "queue_server.client.http_errors" if name.startswith("HTTP") else "queue_server.protocol.errors"
    return getattr(import_module(_HOMES.get(name, errors)), name)
