"""``process_exception``: how the handlers of custom routers turn what happened into an answer."""

from __future__ import annotations

import sys
from typing import NoReturn

from fastapi import HTTPException

from http_gateway.dialects.bluesky.errors import TIMEOUT_TEXT
from queue_server.protocol.errors import CuelightError, RequestTimeoutError


def process_exception() -> NoReturn:
    """Raise what fits the exception that is being handled; to be called inside ``except``.

    Raises:
        HTTPException: 408 if the manager stays silent, 400 for bad input, else the status of Cuelight's own error.
    """
    error = sys.exception()
    if error is None:
        raise RuntimeError("process_exception must be called inside 'except'")
    if isinstance(error, RequestTimeoutError):
        raise HTTPException(408, TIMEOUT_TEXT) from error
    if isinstance(error, CuelightError) and error.http_status < 500:
        raise HTTPException(error.http_status, error.message) from error
    if isinstance(error, ValueError | TypeError | KeyError):
        raise HTTPException(400, str(error)) from error
    # Anything else is answered by a 500 without internals, and stands in the log.
    raise error
