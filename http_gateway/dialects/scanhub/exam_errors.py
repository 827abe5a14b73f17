"""What the routes of exam records refuse, and the manager's refusals as errors of this gateway. Renders nothing.

::

    GatewayError
    └── UnfitError      unfit       the values have the right form and do not fit the records, or an id has no form
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from http_gateway.errors import GatewayError
from queue_server.protocol.errors import (
    BusyError,
    ConflictError,
    CuelightError,
    EnvelopeError,
    ForbiddenError,
    LockedError,
    NotFoundError,
    ParameterError,
    RefusedError,
    ShuttingDownError,
    StaleError,
    StateError,
    StorageBusyError,
    StorageError,
    StorageFullError,
    UnfinishedError,
)


class UnfitError(GatewayError):
    """The values do not fit the records, or an id is malformed."""

    code = "unfit"
    http_status = 400


_KINDS: dict[str, type[CuelightError]] = {
    kind.code: kind
    for kind in (
        RefusedError,
        StateError,
        NotFoundError,
        ConflictError,
        UnfinishedError,
        StaleError,
        ForbiddenError,
        LockedError,
        BusyError,
        ShuttingDownError,
        StorageError,
        StorageBusyError,
        StorageFullError,
    )
}
# The form of values is checked before the manager is asked, so that what it refuses of them does not fit its records.
_UNFIT = (ParameterError.code, EnvelopeError.code)


def error_in(reply: Mapping[str, Any]) -> CuelightError:
    """Return the error that the manager's refusal is."""
    given = reply.get("error")
    known = cast("dict[str, Any]", given) if isinstance(given, dict) else {}
    code = str(known.get("code", RefusedError.code))
    kind = UnfitError if code in _UNFIT else _KINDS.get(code, CuelightError)
    return kind(str(reply.get("msg", "")), details=known.get("details") or {})


def as_not_found(error: UnfitError, identity: str | None) -> CuelightError:
    """Return the error as one about an id that was given in the address, if it says that nothing has this id."""
    return NotFoundError(error.message) if identity and error.details.get("missing") == identity else error
