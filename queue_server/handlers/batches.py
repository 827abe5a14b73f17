"""Handlers of the methods about batches: items created together, atomically and idempotently."""

from __future__ import annotations

from msgspec import Struct

from queue_server.handlers.batch_changes import cancel_batch, hold_batch, resume_batch, retry_batch
from queue_server.handlers.batch_creation import create_batch
from queue_server.handlers.batch_records import count_states, find_batch
from queue_server.handlers.context import TurnContext
from queue_server.handlers.group import group
from queue_server.handlers.submission_states import RUNNING, find_active, show, stored_states
from queue_server.protocol.batches import Batch
from queue_server.protocol.cursors import BEFORE_ALL, read_place
from queue_server.protocol.errors import NotFoundError, ParameterError
from queue_server.protocol.listing import Roll
from queue_server.protocol.methods.batches import (
    BatchGetParams,
    BatchItemPage,
    BatchItemParams,
    BatchItemReply,
    BatchItemsParams,
    BatchListParams,
    BatchPage,
    BatchShown,
)
from queue_server.protocol.submissions import FollowedSubmission, SubmissionFilter, SubmissionState


def get_batch(context: TurnContext, params: BatchGetParams) -> BatchShown:
    """Return a batch."""
    batch = find_batch(context, params.batch_id)
    return BatchShown(batch.shown(count_states(context, batch)))


def list_batches(context: TurnContext, params: BatchListParams) -> BatchPage:
    """Return a page of batches, the newest first."""
    part = context.turn.tx.batches(limit=params.limit, project=params.project, cursor=params.cursor)
    shown = [batch.shown() for _, batch in part.entries]
    return BatchPage(shown, part.entries[-1][0] if part.has_more else None)


def list_items(context: TurnContext, params: BatchItemsParams) -> BatchItemPage:
    """Return a page of the items of a batch, by a cursor or by an offset."""
    if params.cursor is not None and params.offset is not None:
        raise ParameterError("Give 'cursor' or 'offset', not both.", field="offset")
    behind = read_place(params.cursor, BEFORE_ALL)
    search = _Search.plan(context, params)
    found = search.find(params.limit, behind, params.offset or 0)
    shown = Roll(show(followed, search.active) for _, followed in found)
    if params.offset is not None:
        return BatchItemPage(shown, total=search.count())
    remaining = search.count_behind(found[-1]) if found else 0
    return BatchItemPage(shown, str(found[-1][0]) if remaining else None, remaining)


def get_item(context: TurnContext, params: BatchItemParams) -> BatchItemReply:
    """Return an item of a batch, by its id or by the uid of its submission."""
    batch = find_batch(context, params.batch_id)
    tx, wanted = context.turn.tx, params.item_id.lower()
    found = tx.batch_submission(wanted) or tx.submission(wanted)
    if found is None or found.batch != batch.id:
        raise NotFoundError(f"The batch {batch.id!r} has no item {params.item_id!r}.")
    return BatchItemReply(show(tx.follow([found])[0], find_active(context)))


class _Search(Struct, frozen=True):
    """The items of a batch that fit; ``strays`` are those among them that only the store takes for such."""

    context: TurnContext
    batch: Batch
    wanted: SubmissionFilter
    active: dict[str, SubmissionState]
    strays: dict[str, int]

    @classmethod
    def plan(cls, context: TurnContext, params: BatchItemsParams) -> _Search:
        batch, active = find_batch(context, params.batch_id), find_active(context)
        states = None if params.state is None else frozenset(params.state)
        wanted = SubmissionFilter(
            batch=batch.id,
            processing=None if params.status is None else frozenset(params.status),
            states=None if states is None else stored_states(states),
        )
        strays: dict[str, int] = {}
        if states is not None and states & RUNNING:
            for uid, state in active.items():
                known = context.turn.tx.submission(uid)
                if known is not None and known.batch == batch.id and state not in states:
                    strays[uid] = known.ordinal
        return cls(context, batch, wanted, active, strays)

    def find(self, limit: int, behind: int, offset: int) -> list[tuple[int, FollowedSubmission]]:
        """Return a part of those that fit, each with its place."""
        # The strays are so few that all of them may be read in vain.
        part = self.context.turn.tx.submissions(
            self.wanted, limit=limit + len(self.strays), behind=behind, offset=offset
        )
        fitting = [entry for entry in part.entries if entry[1].submission.uid not in self.strays]
        return fitting[:limit]

    def count(self) -> int:
        """Return how many fit."""
        if self._is_everything:
            return self.batch.size
        return self.context.turn.tx.count_submissions(self.wanted) - self._count_strays(-1)

    def count_behind(self, last: tuple[int, FollowedSubmission]) -> int:
        """Return how many that fit are behind one of them."""
        ordinal = last[1].submission.ordinal
        if self._is_everything:
            return self.batch.size - ordinal - 1
        return self.context.turn.tx.count_submissions(self.wanted, behind=last[0]) - self._count_strays(ordinal)

    @property
    def _is_everything(self) -> bool:
        return self.wanted.processing is None and self.wanted.states is None

    def _count_strays(self, behind: int) -> int:
        fits = self.wanted.processing is None or "succeeded" in self.wanted.processing
        return sum(ordinal > behind for ordinal in self.strays.values()) if fits else 0


GROUP = group(
    turn={
        "batch_create": create_batch,
        "batch_get": get_batch,
        "batch_list": list_batches,
        "batch_items": list_items,
        "batch_item_get": get_item,
        "batch_cancel": cancel_batch,
        "batch_hold": hold_batch,
        "batch_resume": resume_batch,
        "batch_retry": retry_batch,
    }
)
