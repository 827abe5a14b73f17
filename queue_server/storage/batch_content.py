"""Batches and answers as rows, and what every store refuses of them, in the same words. It runs no statement."""

from __future__ import annotations

from typing import Any

from queue_server.protocol.answers import Answer, Repeatable
from queue_server.protocol.batches import Batch
from queue_server.protocol.errors import ConflictError

Row = tuple[Any, ...]


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


def taken(identity: str) -> ConflictError:
    """Return the error for an id that belongs to another batch."""
    return ConflictError(f"There is a batch {identity} already.")
