"""The handler that reads the event log."""

from __future__ import annotations

from queue_server.handlers.context import TurnContext
from queue_server.handlers.group import group
from queue_server.handlers.selection import check_times
from queue_server.protocol.event_log import EventFilter
from queue_server.protocol.methods.events import Events, EventsParams


def read_events(context: TurnContext, params: EventsParams) -> Events:
    """Return a page of the event log."""
    check_times(params.time_from, params.time_to)
    kinds = (params.kind,) if isinstance(params.kind, str) else params.kind
    wanted = EventFilter(
        kinds=None if kinds is None else tuple(kinds),
        item_uid=params.item_uid,
        submission=params.submission,
        user=params.by_user,
        lane=params.lane,
        time_from=params.time_from,
        time_to=params.time_to,
    )
    tx = context.turn.tx
    newest_first = params.order == "newest"
    part = tx.find_events(
        wanted, limit=params.limit, since=params.since, before=params.before, newest_first=newest_first
    )
    return Events([event.shown() for event in part.events], tx.last_seq(), part.next_seq)


GROUP = group(turn={"events_get": read_events})
