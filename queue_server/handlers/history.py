"""Handlers of the methods about finished items."""

from __future__ import annotations

from queue_server.core.events import HistoryChanged
from queue_server.handlers.context import TurnContext
from queue_server.handlers.group import group
from queue_server.protocol.errors import NotFoundError, ParameterError
from queue_server.protocol.method import Done
from queue_server.protocol.methods.history import History, HistoryClearParams, HistoryGetParams, HistoryPage

# Clients that ask for everything get at most this much; those that page get all of it.
MOST_ENTRIES = 50_000


def read_history(context: TurnContext, params: HistoryGetParams) -> History:
    """Return finished items, oldest first."""
    limit = params.limit or MOST_ENTRIES
    entries = context.turn.tx.history(limit=limit, before=params.before)
    before = entries[0].number if len(entries) == limit else None
    items, uid = [entry.shown() for entry in entries], context.history_uid()
    # Clients that know of no parts compare a reply with what they keep, so that it has only what they know.
    is_part = before is not None or params.limit is not None or params.before is not None
    return HistoryPage(items, uid, before) if is_part else History(items, uid)


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


GROUP = group(turn={"history_get": read_history, "history_clear": clear_history})
