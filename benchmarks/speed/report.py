"""Shows what was measured: as a table, and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.speed.row import OURS, PEER, Reading, Row

Readings = Mapping[str, Sequence[Reading]]


def show(rows: Sequence[Row], readings: Readings) -> list[str]:
    """Return the lines of a table: each row at its first size, and a line of its growth where there are more."""
    lines = [f"{'':<44}{'unit':>5}{'Cuelight':>11}{'peer':>11}{'x peer':>8}  {'limits':<30}asked"]
    for row in rows:
        lines += _show_row(row, readings[row.name])
    return lines


def _show_row(row: Row, taken: Sequence[Reading]) -> list[str]:
    first = taken[0]
    over_peer = first.advantage(PEER, is_rate=row.is_rate)
    limits = ", ".join(
        f"{side} {_number(first.median(side))} ({_times(first.advantage(side, is_rate=row.is_rate))})"
        for side in row.sides
        if side not in (OURS, PEER) and first.median(side) is not None
    )
    figures = f"{_number(first.median(OURS)):>11}{_number(first.median(PEER)):>11}{_times(over_peer):>8}"
    lines = [f"{row.title:<44}{row.unit:>5}{figures}  {limits:<30}{_verdict(row, first)}"]
    if len(taken) > 1:
        grown = ", ".join(f"{reading.size:,}: {_number(reading.median(OURS))}" for reading in taken)
        lines.append(f"    with more {row.size_title}: {grown}{_growth_verdict(row, taken)}")
    return lines


def _verdict(row: Row, reading: Reading) -> str:
    told = []
    for asked in row.asked:
        is_met = asked.is_met(reading.rounds, is_rate=row.is_rate)
        word = "not measured" if is_met is None else "ok" if is_met else "FAILED"
        told.append(f"{asked.describe(row.unit)}: {word}")
    return ", ".join(told)


def growth(row: Row, taken: Sequence[Reading]) -> float | None:
    """Return how many times worse we are at the largest size than at the first."""
    first, last = taken[0].median(OURS), taken[-1].median(OURS)
    if first is None or last is None or len(taken) < 2:
        return None
    return first / last if row.is_rate else last / max(first, 1e-9)


def _growth_verdict(row: Row, taken: Sequence[Reading]) -> str:
    reached = growth(row, taken)
    if reached is None or row.most_growth is None:
        return ""
    word = "ok" if reached <= row.most_growth else "FAILED"
    return f"; {reached:.2f} times worse, asked <= {row.most_growth:g}: {word}"


def describe(rows: Sequence[Row], readings: Readings) -> list[dict[str, Any]]:
    """Return all that was measured."""
    return [
        {
            "name": row.name,
            "title": row.title,
            "unit": row.unit,
            "is_rate": row.is_rate,
            "asked": [
                {"what": asked.describe(row.unit), "is_met": asked.is_met(taken[0].rounds, is_rate=row.is_rate)}
                for asked in row.asked
            ],
            "sizes": [{"size": reading.size, "rounds": dict(reading.rounds)} for reading in taken],
        }
        for row, taken in ((row, readings[row.name]) for row in rows)
    ]


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _times(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}" if value < 10 else f"{value:,.0f}"
