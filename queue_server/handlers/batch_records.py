"""Batches as they are kept: which one is meant, and how many of its items are in which state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from queue_server.handlers.context import TurnContext
from queue_server.handlers.submission_states import find_active
from queue_server.protocol.batches import Batch
from queue_server.protocol.errors import NotFoundError


def find_batch(context: TurnContext, identity: str) -> Batch:
    """Return a batch.

    Raises:
        NotFoundError: there is none of that id.
    """
    found = context.turn.tx.batch(identity.lower())
    if found is None:
        raise NotFoundError(f"There is no batch {identity!r}.")
    return found


def count_states(context: TurnContext, batch: Batch) -> Mapping[str, int]:
    """Return how many items of a batch are in which state; states that none is in are not there."""
    tx = context.turn.tx
    counts = Counter[str](tx.count_batch_states(batch.id))
    for uid, state in find_active(context).items():
        known = tx.submission(uid) if state != "running" else None
        if known is not None and known.batch == batch.id:
            counts["running"] -= 1
            counts[state] += 1
    return {state: count for state, count in counts.items() if count}
