"""What the client functions raise: each failure of a request as an error of its own, with the true status.

::

    HTTPException (FastAPI)
    └── ExamRequestError
        ├── InvalidRequestError     400     a malformed id, or values that do not fit
        ├── TokenError              401     the token is missing, unknown or expired
        ├── PermissionMissingError  403     the token does not open this
        ├── RecordMissingError      404     there is no such task, result or workflow
        ├── RecordBusyError         409     the queue owns it now, or a key was used twice
        ├── RecordChangedError      412     the record has another version
        └── ServiceMissingError     503     nothing answers, or not in time, or nothing that makes sense
"""

from __future__ import annotations

from typing import Any, ClassVar

from fastapi import HTTPException


class ExamRequestError(HTTPException):
    """The gateway has refused a request for exam records, or could not be asked."""

    status: ClassVar[int] = 500

    def __init__(self, detail: Any = None, status_code: int | None = None) -> None:
        super().__init__(status_code or self.status, detail)


class InvalidRequestError(ExamRequestError):
    """An id is malformed, or the values do not fit."""

    status = 400


class TokenError(ExamRequestError):
    """The token is missing, unknown or expired."""

    status = 401


class PermissionMissingError(ExamRequestError):
    """The token does not open this."""

    status = 403


class RecordMissingError(ExamRequestError):
    """There is no such task, result or workflow."""

    status = 404


class RecordBusyError(ExamRequestError):
    """The queue owns the record now, or an idempotency key was used for another request."""

    status = 409


class RecordChangedError(ExamRequestError):
    """The record has another version than the one on which the request is based."""

    status = 412


class ServiceMissingError(ExamRequestError):
    """Nothing answers, or not in time, or nothing that makes sense."""

    status = 503


_KINDS: dict[int, type[ExamRequestError]] = {kind.status: kind for kind in ExamRequestError.__subclasses__()}


def error_for(status: int, detail: Any) -> ExamRequestError:
    """Return the error that an answer with this status is."""
    if status >= 500 or status < 400:
        return ServiceMissingError(detail)
    # A value of a wrong form is as wrong as one that does not fit.
    kind = InvalidRequestError if status == 422 else _KINDS.get(status)
    return ExamRequestError(detail, status) if kind is None else kind(detail)
