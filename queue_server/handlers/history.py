"""Handlers of the methods about finished items."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from queue_server.core.events import HistoryChanged
from queue_server.engine.resolution import Finding, resolve
from queue_server.handlers.context import TurnContext
from queue_server.handlers.further import Further
from queue_server.handlers.group import group
from queue_server.handlers.kept_lists import HistoryMark, Kept, KeptList
from queue_server.handlers.selection import check_times
from queue_server.protocol.errors import NotFoundError, ParameterError
from queue_server.protocol.item_filter import ItemFilter
from queue_server.protocol.listing import Roll
from queue_server.protocol.method import Done
from queue_server.protocol.methods.history import (
    History,
    HistoryClearParams,
    HistoryGetParams,
    HistoryItemResolveParams,
    HistoryPage,
    ItemResolved,
)
from queue_server.protocol.written_list import Piece, WrittenList

# How much is read in one turn: a few milliseconds.
PAGE_ENTRIES = 500


def read_history(context: TurnContext, params: HistoryGetParams) -> History | Further:
    """Return finished items, oldest first."""
    check_times(params.time_from, params.time_to)
    wanted = ItemFilter(
        name=params.name,
        user=params.by_user,
        outcome=params.outcome,
        lane=params.lane,
        text=params.text,
        time_from=params.time_from,
        time_to=params.time_to,
    )
    is_part = bool(params.model_fields_set)
    limit = params.limit or context.desk.limits.max_history_items
    if not wanted.is_empty:
        part = context.turn.tx.find_history(wanted, limit=min(limit, PAGE_ENTRIES), before=params.before)
        return HistoryPage(Roll(entry.shown() for entry in part.entries), context.history_uid(), part.before)
    if params.limit is not None or params.before is not None:
        return _Reading(limit, is_part).find(context, params.before)
    return _read_whole(context, _Reading(limit, is_part, context.desk.kept.history))


def _read_whole(context: TurnContext, reading: _Reading) -> History | Further:
    """Return the history as it is kept, with what has been added since; all of it, if there were other changes."""
    kept, revision = context.desk.kept.history.latest, context.turn.state.revisions.history
    if kept is None:
        return reading.find(context, None)
    added = revision - kept.mark.revision
    if added == 0:
        reading.uid, reading.pieces = context.history_uid(), kept.pieces
        return reading.tell(kept.mark.before)
    is_whole = kept.mark.before is None and kept.size + added <= reading.left
    if not is_whole or not 0 < added <= PAGE_ENTRIES:
        return reading.find(context, None)
    part = context.turn.tx.shown_history(limit=added)
    # Each entry that is added raises both numbers; whatever else happens to the history, the revision alone.
    if part.last != kept.mark.newest + added:
        return reading.find(context, None)
    reading.uid, reading.pieces, reading.base = context.history_uid(), (part.piece,), kept
    return reading.keep(HistoryMark(revision, part.last, None))


class _Reading(Struct):
    """A part of the history that is read in several turns, newest first; what comes meanwhile is not part of it."""

    left: int
    is_part: bool
    kept: KeptList[HistoryMark] | None = None
    base: Kept[HistoryMark] | None = None
    mark: HistoryMark | None = None
    uid: str = ""
    pieces: Sequence[Piece] = ()

    def find(self, context: TurnContext, before: int | None) -> History | Further:
        asked = min(self.left, PAGE_ENTRIES)
        part = context.turn.tx.shown_history(limit=asked, before=before)
        if self.mark is None:
            self.uid, self.mark = (
                context.history_uid(),
                HistoryMark(context.turn.state.revisions.history, part.last, None),
            )
        self.pieces = (part.piece, *self.pieces)
        self.left -= part.piece.count
        following = part.first if part.piece.count == asked else None
        if following is not None and self.left > 0:
            return Further(lambda later: self.find(later, following))
        if self.kept is None or len(self.pieces) == 1:
            return self.tell(following)
        return self.keep(self.mark._replace(before=following))

    def keep(self, mark: HistoryMark) -> Further:
        """Return what keeps what was read, for whoever asks next, and tells it then."""

        def keep() -> None:
            if self.kept is not None:
                self.pieces = self.kept.keep(mark, self.pieces, self.base)

        return Further(lambda _: self.tell(mark.before), keep)

    def tell(self, before: int | None) -> History:
        items = WrittenList(self.pieces)
        # Clients that know of no parts compare a reply with what they keep, so that it has only what they know.
        is_part = before is not None or self.is_part
        return HistoryPage(items, self.uid, before) if is_part else History(items, self.uid)


def clear_history(context: TurnContext, params: HistoryClearParams) -> Done:
    """Remove some or all entries."""
    if params.size is not None and params.item_uid is not None:
        raise ParameterError("Parameters 'size' and 'item_uid' are mutually exclusive.", field="size")
    tx = context.turn.tx
    if params.item_uid is None:
        removed = tx.trim_history(params.size or 0)
    else:
        try:
            removed = tx.trim_history_to(params.item_uid)
        except NotFoundError:
            # Its clients expect a request for an entry that is gone already to succeed.
            removed = 0
    if removed:
        context.turn.apply(HistoryChanged(-removed))
        context.record(removed=removed)
    return Done()


def resolve_item(context: TurnContext, params: HistoryItemResolveParams) -> ItemResolved:
    """Change an unknown outcome into what a person has found out."""
    finding = Finding(params.outcome, context.origin.user, params.reason)
    resolved = resolve(context.turn, params.item_uid, finding, context.origin)
    return ItemResolved(resolved.item, resolved.withdrawn_uid)


GROUP = group(turn={"history_get": read_history, "history_clear": clear_history, "history_item_resolve": resolve_item})
