"""Batches and answers as rows, and what every store refuses of them, in the same words. It runs no statement."""

from __future__ import annotations

import re
from typing import Any

from queue_server.protocol.answers import Answer, Repeatable
from queue_server.protocol.batches import Batch
from queue_server.protocol.errors import ConflictError, ParameterError

Row = tuple[Any, ...]

BEHIND_ALL = (1 << 63) - 1
_CURSOR = re.compile(r"[0-9]{1,18}")


def write_batch(batch: Batch) -> Row:
    """Return the values of a batch in the order of the columns, without its place."""
    return (
        batch.id,
        batch.name,
        batch.project,
        batch.owner,
        batch.workflow,
        batch.lane,
        batch.size,
        batch.created,
    )


def write_request(request: Repeatable) -> Row:
    """Return the values that find the answer to a request."""
    return request.user, request.endpoint, request.key


def write_answer(answer: Answer) -> Row:
    """Return the values of an answer in the order of the columns, without its place."""
    form = (answer.fingerprint, answer.status, answer.media_type, answer.body, answer.stored, answer.expires)
    return *write_request(answer.request), *form


def read_cursor(cursor: str | None) -> int:
    """Return the place in a cursor; without one, what is behind everything.

    Raises:
        ParameterError: no list gives such a cursor.
    """
    if cursor is None:
        return BEHIND_ALL
    if _CURSOR.fullmatch(cursor) is None:
        raise ParameterError("'cursor' must be the 'next_cursor' of the page before.", field="cursor")
    return int(cursor)


def taken(identity: str) -> ConflictError:
    """Return the error for an id that belongs to another batch."""
    return ConflictError(f"There is a batch {identity} already.")
