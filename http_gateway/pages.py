"""Cursors of the native routes: which parameter of a method continues a list, and where the next part begins."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

DEFAULT_LIMIT = 100

Next = Callable[[Mapping[str, Any], int], Any]


@dataclass(frozen=True, slots=True)
class Pages:
    """How a method gives its list in parts: ``param`` takes what ``next`` finds in a reply, None at the end.

    In a list that can be read backwards ``backward`` takes it there.
    """

    param: str
    next: Next
    backward: str | None = None

    def param_for(self, given: Mapping[str, Any]) -> str:
        """Return the parameter that continues a request."""
        return self.backward if self.backward is not None and given.get("order") == "newest" else self.param


def _next_in_queue(reply: Mapping[str, Any], limit: int) -> Any:
    if "next_after_uid" in reply:
        return reply["next_after_uid"]
    items: list[dict[str, Any]] = reply.get("items") or []
    return items[-1]["item_uid"] if len(items) >= limit else None


def _next_in_history(reply: Mapping[str, Any], limit: int) -> Any:
    return reply.get("before")


def _next_in_events(reply: Mapping[str, Any], limit: int) -> Any:
    return reply.get("next_seq")


PAGES: Mapping[str, Pages] = {
    "queue_get": Pages("after_uid", _next_in_queue),
    "history_get": Pages("before", _next_in_history),
    "events_get": Pages("since", _next_in_events, backward="before"),
}
