"""Handlers of the methods about finished items."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from queue_server.core.events import HistoryChanged
from queue_server.engine.resolution import Finding, resolve
from queue_server.handlers.context import TurnContext
from queue_server.handlers.further import Further
from queue_server.handlers.group import group
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
    return _Reading(wanted, params.limit or context.desk.limits.max_history_items, bool(params.model_fields_set)).find(
        context, params.before
    )


@dataclass(slots=True)
class _Reading:
    """A part of the history that is read in several turns, newest first; what comes meanwhile is not part of it."""

    wanted: ItemFilter
    left: int
    is_part: bool
    uid: str = ""
    pages: list[list[dict[str, Any]]] = field(default_factory=list[list[dict[str, Any]]])

    def find(self, context: TurnContext, before: int | None) -> History | Further:
        part = context.turn.tx.find_history(self.wanted, limit=min(self.left, PAGE_ENTRIES), before=before)
        self.uid = self.uid or context.history_uid()
        self.pages.append([entry.shown() for entry in part.entries])
        self.left -= len(part.entries)
        # A search that is not over everything examines a bounded number of entries, and says so.
        if part.before is not None and self.left > 0 and self.wanted == ItemFilter():
            return Further(lambda later: self.find(later, part.before))
        items = Roll(entry for page in reversed(self.pages) for entry in page)
        # Clients that know of no parts compare a reply with what they keep, so that it has only what they know.
        is_part = part.before is not None or self.is_part
        return HistoryPage(items, self.uid, part.before) if is_part else History(items, self.uid)


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
