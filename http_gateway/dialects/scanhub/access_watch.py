"""Follows what becomes of the devices' right to be connected: one that has lost it loses its connection at once."""

from __future__ import annotations

from typing import Any, Final

from http_gateway.dialects.scanhub.seats import Seats
from http_gateway.event_relay import Event, EventRelay
from http_gateway.feed import NoticeFeed
from http_gateway.link import ManagerLink
from queue_server.client.notices import EVENT_TOPIC, Notice

_ENDS: Final = frozenset(("device_deleted", "device_token_revoked"))
_CHANGES: Final = frozenset(("device_token_rotated", "device_token_imported"))


class AccessWatch:
    """Reads the event log as long as the gateway serves; for one event loop."""

    def __init__(self, link: ManagerLink, feed: NoticeFeed, seats: Seats) -> None:
        self._seats = seats
        # Events before the first one that is heard concern no connection of this process.
        self._relay = EventRelay(link, self._take, lambda: None)
        self._release = feed.listen([EVENT_TOPIC], self._hear)

    async def close(self) -> None:
        """Follow no more."""
        self._release()
        await self._relay.close()

    def _hear(self, notice: Notice) -> None:
        self._relay.hear(notice.payload)

    def _take(self, event: Event) -> None:
        kind = event.get("kind")
        data: dict[str, Any] = event.get("data") or {}
        if kind in _ENDS or (kind in _CHANGES and not data.get("grace_s")):
            seat = self._seats.find(str(data.get("device_id")))
            if seat is not None:
                seat.revoke(is_forced=True)
