"""Which items of the queue or of the history are asked for. It decides nothing about pages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from msgspec import Struct
from msgspec.structs import astuple

from queue_server.protocol.items import Item


class ItemFilter(Struct, frozen=True):
    """What an item must have; None does not matter. Times are seconds since 1970-01-01 UTC.

    ``text`` is found in names, arguments, metadata and messages, without regard to case. ``outcome`` and the times,
    which are those of the end, belong to finished items; ``time_from`` belongs to the range, ``time_to`` does not.
    """

    name: str | None = None
    user: str | None = None
    outcome: str | None = None
    state: str | None = None
    lane: str | None = None
    text: str | None = None
    time_from: float | None = None
    time_to: float | None = None

    @property
    def is_empty(self) -> bool:
        """Whether every item fits."""
        return all(value is None for value in astuple(self))

    def fits(self, item: Item, result: Mapping[str, Any] | None = None) -> bool:
        """Return whether an item is one of those; ``result`` is that of a finished one."""
        ended = result or {}
        asked = (self.name, self.user, self.outcome, self.state, self.lane)
        found = (item.name, item.content.get("user"), ended.get("exit_status"), item.state, item.lane)
        if not all(want is None or want == have for want, have in zip(asked, found, strict=True)):
            return False
        return self._is_in_time(ended.get("time_stop")) and self._has_text(item, ended.get("msg"))

    def _is_in_time(self, time: float | None) -> bool:
        if self.time_from is None and self.time_to is None:
            return True
        if time is None:
            return False
        return (self.time_from is None or time >= self.time_from) and (self.time_to is None or time < self.time_to)

    def _has_text(self, item: Item, message: object) -> bool:
        if self.text is None:
            return True
        wanted = self.text.casefold()
        return any(wanted in text.casefold() for text in _texts_in([item.content, message]))


EVERY_ITEM = ItemFilter()


def _texts_in(value: object) -> Iterator[str]:
    """Yield every text and number in a value, keys included, at any depth."""
    waiting: list[object] = [value]
    while waiting:
        found = waiting.pop()
        if isinstance(found, Mapping):
            known = cast("Mapping[Any, Any]", found)
            waiting.extend(known.keys())
            waiting.extend(known.values())
        elif isinstance(found, (list, tuple)):
            waiting.extend(cast("list[Any]", found))
        elif isinstance(found, str):
            yield found
        elif found is not None:
            yield str(found)
