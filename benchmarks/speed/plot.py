"""Draws what was measured: how each row compares with the peer and its limits, and how it grows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt  # the way to draw without a screen is chosen first

from benchmarks.speed.report import Readings, growth
from benchmarks.speed.row import OURS, PEER, Row

OURS_COLOUR, PEER_COLOUR, LIMIT_COLOUR = "#1f6f8b", "#c8553d", "#8a8a8a"


def draw(rows: Sequence[Row], readings: Readings, file: Path) -> None:
    """Write a PNG: on the left all rows beside the peer, on the right those that were measured at several sizes."""
    compared = [row for row in rows if readings[row.name][0].advantage(PEER, is_rate=row.is_rate) is not None]
    grown = [row for row in rows if growth(row, readings[row.name]) is not None]
    height = max(len(compared) * 0.32, 5.0)
    figure, (left, right) = plt.subplots(1, 2, figsize=(15, height), gridspec_kw={"width_ratios": (5, 3)})
    _draw_compared(left, compared, readings)
    _draw_growth(right, grown, readings)
    figure.tight_layout()
    figure.savefig(file, dpi=110)
    plt.close(figure)


def _draw_compared(axes: Any, rows: Sequence[Row], readings: Readings) -> None:
    """Draw how many times better we are than the peer, and which part of the limit we reach."""
    axes.set_title("times better than bluesky-queueserver 0.0.25", loc="left", fontsize=10)
    axes.axvline(1, color=PEER_COLOUR, linewidth=1)
    for place, row in enumerate(reversed(rows)):
        better = readings[row.name][0].advantage(PEER, is_rate=row.is_rate) or 0.0
        axes.barh(place, better, color=OURS_COLOUR, height=0.6)
        axes.text(better * 1.1, place, f"{better:.1f}" if better < 10 else f"{better:.0f}", va="center", fontsize=8)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_yticks(range(len(rows)), [row.title for row in reversed(rows)], fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_growth(axes: Any, rows: Sequence[Row], readings: Readings) -> None:
    """Draw each row over its sizes, as a multiple of what it is at the smallest."""
    axes.set_title("what one costs at more items, as a multiple", loc="left", fontsize=10)
    for row in rows:
        taken = sorted(readings[row.name], key=lambda reading: reading.size)
        values = [reading.median(OURS) or 0.0 for reading in taken]
        costs = [1 / value for value in values] if row.is_rate else values
        axes.plot([max(reading.size, 100) for reading in taken], [cost / costs[0] for cost in costs], marker="o",
                  markersize=3, linewidth=1.2, label=row.title)  # fmt: skip
    axes.plot((1_000, 100_000), (1, 100), color=LIMIT_COLOUR, linestyle=":", linewidth=1, label="as many times more")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.grid(color=LIMIT_COLOUR, alpha=0.3, linewidth=0.5)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.spines[["top", "right"]].set_visible(False)
    if rows:
        axes.legend(fontsize=7, frameon=False, loc="upper left", bbox_to_anchor=(1.01, 1))
