"""The tree of errors: what went wrong, whose fault it is, and how each interface reports it.

::

    CuelightError                     internal
    ├── ParameterError                invalid_parameter   the caller sent a wrong value
    ├── UnknownMethodError            unknown_method      the caller named a method that does not exist
    ├── EnvelopeError                 bad_request         the message is not a request
    ├── RefusedError                  refused             well formed, but not now
    │   ├── StateError                wrong_state         the machine is in another state
    │   ├── NotFoundError             not_found           no such item, run or lane
    │   ├── UnfinishedError           unfinished          the same request is still being worked on
    │   │   └── InProgressError       idempotency_in_progress  so is the first one under this idempotency key
    │   ├── ConflictError             conflict            the same key with another request
    │   │   └── MismatchError         idempotency_mismatch     the idempotency key came with another body before
    │   ├── ToldOnceError             told_once           done before; its answer had a secret that nobody keeps
    │   ├── StaleError                stale               the queue is not the one on which the request is based
    │   ├── ForbiddenError            forbidden           the peer may not do this
    │   │   └── WrongCredentialError  wrong_credential    no device has this id and this token
    │   ├── LockedError               locked              a person has locked it
    │   └── BusyError                 busy                too much at once; try again later
    │       └── ShuttingDownError     shutting_down       it is about to end; ask its successor
    ├── StorageError                  storage             the store cannot be used
    │   ├── StorageBusyError          storage_busy        another program writes into it
    │   └── StorageFullError          storage_full        no space left on the device
    ├── RunFileError                  unreadable_run      the file of a recorded run is damaged
    ├── CommunicationError            communication       the other side cannot be reached (client)
    │   └── RequestTimeoutError       timeout             no reply in time (client)
    └── RequestFailedError            request_failed      the manager refused the request (client)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self, cast


class CuelightError(Exception):
    """Something unforeseen went wrong inside Cuelight; the log has the details."""

    code: ClassVar[str] = "internal"
    http_status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 4

    def __init__(self, message: str = "", *, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message or type(self).__doc__ or "")
        self.details: dict[str, Any] = dict(details or {})
        self.fields: dict[str, Any] = {}
        self.lead: str | None = None

    @property
    def message(self) -> str:
        """The sentence shown to a person: what is wrong and what to do."""
        return str(self)

    def with_fields(self, **fields: Any) -> Self:
        """Return this error, with fields that the reply shows beside the refusal."""
        self.fields.update(fields)
        return self

    def with_lead(self, lead: str) -> Self:
        """Return this error, with other words before it in the reply than those of the method."""
        self.lead = lead
        return self


class ParameterError(CuelightError):
    """A parameter has a wrong type or value."""

    code = "invalid_parameter"
    http_status = 400
    exit_code = 1

    def __init__(
        self, message: str = "", *, field: str | None = None, details: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message, details=details)
        self.field = field
        if field is not None:
            self.details.setdefault("field", field)


class UnknownMethodError(CuelightError):
    """There is no method of that name."""

    code = "unknown_method"
    http_status = 404
    exit_code = 1


class EnvelopeError(CuelightError):
    """The message is not a request."""

    code = "bad_request"
    http_status = 400
    exit_code = 3


class RefusedError(CuelightError):
    """The request is well formed, but cannot be done now."""

    code = "refused"
    http_status = 409
    exit_code = 2


class StateError(RefusedError):
    """The request does not fit the present state; nothing was changed."""

    code = "wrong_state"


class NotFoundError(RefusedError):
    """What the request names does not exist."""

    code = "not_found"
    http_status = 404


class ConflictError(RefusedError):
    """The same key was used for another request."""

    code = "conflict"


class MismatchError(ConflictError):
    """The idempotency key was used for another request; nothing was done, and the answer to that one stands."""

    code = "idempotency_mismatch"


class UnfinishedError(RefusedError):
    """The request with this key is still being worked on; ask again with the same key."""

    code = "unfinished"


class InProgressError(UnfinishedError):
    """The first request under this idempotency key has no answer yet; repeat it a moment later."""

    code = "idempotency_in_progress"


class ToldOnceError(RefusedError):
    """The request with this key was done before, and its answer had a secret that is told once and kept nowhere."""

    code = "told_once"


class StaleError(RefusedError):
    """The queue has changed since it was read; nothing was done."""

    code = "stale"
    http_status = 412


class ForbiddenError(RefusedError):
    """The peer has no right to do this."""

    code = "forbidden"
    http_status = 403
    exit_code = 9


class WrongCredentialError(ForbiddenError):
    """No device has this id and this token."""

    code = "wrong_credential"


class LockedError(RefusedError):
    """The environment or the queue is locked by a person."""

    code = "locked"
    http_status = 423
    exit_code = 10


class BusyError(RefusedError):
    """Too many requests are in flight; try again after a moment."""

    code = "busy"
    http_status = 429


class ShuttingDownError(BusyError):
    """Cuelight is about to end, and the request was not done: repeat it once it runs again."""

    code = "shutting_down"
    http_status = 503


class StorageError(CuelightError):
    """The store cannot be used."""

    code = "storage"
    http_status = 503
    exit_code = 5
    is_fatal: ClassVar[bool] = True


class StorageBusyError(StorageError):
    """Another program writes into the store: end it, then repeat the request."""

    code = "storage_busy"


class StorageFullError(StorageError):
    """The disk that holds the data directory is full: free some space, then repeat the request."""

    code = "storage_full"
    http_status = 507
    is_fatal = False


class RunFileError(CuelightError):
    """The file of a recorded run is damaged."""

    code = "unreadable_run"
    http_status = 500
    exit_code = 5


class CommunicationError(CuelightError):
    """The other side cannot be reached."""

    code = "communication"
    http_status = 503
    exit_code = 3


class RequestTimeoutError(CommunicationError):
    """No reply arrived in time."""

    code = "timeout"
    http_status = 504
    exit_code = 8


class RequestFailedError(CuelightError):
    """The manager answered, and refused."""

    code = "request_failed"
    http_status = 409
    exit_code = 2

    def __init__(self, message: str = "", *, reply: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.reply: dict[str, Any] = dict(reply or {})
        error = self.reply.get("error")
        known = cast("dict[str, Any]", error) if isinstance(error, dict) else {}
        self.reply_code: str = str(known.get("code", "refused"))
