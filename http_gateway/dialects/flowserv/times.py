"""Times as flowserv writes them, and in the order that it promises whatever a clock did."""

from __future__ import annotations

from datetime import UTC, datetime


def show_time(time: float) -> str:
    """Return seconds since 1970 as ISO 8601 in UTC, with offset and microseconds."""
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="microseconds")


def put_in_order(created: float, started: float | None, finished: float | None) -> tuple[float, float, float]:
    """Return the three times of a run such that none is before the one ahead of it; an unknown one is its equal."""
    begun = max(created, created if started is None else started)
    return created, begun, max(begun, begun if finished is None else finished)
