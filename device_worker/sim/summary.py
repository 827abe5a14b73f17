"""A processing graph over the metrics of several submissions: their mean values, and a table of all of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from device_worker.compute import InputFile, graph, node

__all__ = ["summarize_metrics"]


@node
def read_metrics(file: Path) -> dict[str, Any]:
    """Return the metrics of one attempt, as the file ``metrics.json`` has them."""
    return json.loads(Path(file).read_text(encoding="utf-8"))


@node
def average_metrics(metrics: list[dict[str, Any]]) -> dict[str, Any]:
    """Return of each number how often it occurs, its mean, and the standard deviation of the population."""
    numbers: dict[str, list[float]] = {}
    for each in metrics:
        for name, value in each.items():
            if isinstance(value, int | float):
                numbers.setdefault(name, []).append(float(value))
    return {
        name: {"count": len(values), "mean": float(np.mean(values)), "std": float(np.std(values))}
        for name, values in sorted(numbers.items())
    }


@node
def tabulate_metrics(metrics: list[dict[str, Any]]) -> str:
    """Return a table with a column for each metric and a line for each attempt, in their order."""
    names = sorted({name for each in metrics for name in each})
    lines = [[json.dumps(each[name]) if name in each else "" for name in names] for each in metrics]
    return "".join(",".join(line) + "\n" for line in ([json.dumps(name) for name in names], *lines))


@graph
def summarize_metrics(metrics: list[InputFile]) -> dict[str, Any]:
    """Summarize the metrics of several attempts.

    Args:
        metrics: their files ``metrics.json``.
    """
    found = read_metrics.map(metrics)
    return {"summary.json": average_metrics(found), "table.csv": tabulate_metrics(found)}
