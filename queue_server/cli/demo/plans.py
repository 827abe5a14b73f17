"""What the demonstration runs, and what must come out of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Items carry it, so that a later demonstration recognises what an interrupted one has left in the queue.
MARK = {"purpose": "demonstration"}
USER = {"user": "demo", "user_group": "primary"}

Plans = tuple[tuple[str, list[Any], dict[str, Any], str], ...]
"""Name, positional and keyword arguments of each plan, and its outcome."""

PLANS: Plans = (
    ("count", [["det1", "det2"]], {"num": 10, "delay": 0.1}, "completed"),
    ("scan", [["det1", "det2"], "motor1", -1, 1, 51], {}, "completed"),
    ("failing_count", [["det1"]], {"num": 5, "fail_after": 2}, "failed"),
    ("grid_scan", [["det1"], "motor1", -1, 1, 10, "motor2", -1, 1, 8], {}, "completed"),
)
"""On the simulated profile."""

EPICS_PLANS: Plans = (
    ("find_beam", [], {"width": 3.0, "points": 5}, "completed"),
    ("scan", [["diode"], "stage_x", -1, 1, "stage_y", -1, 0.5], {"num": 6}, "completed"),
    ("count", [["diode", "stage_x", "stage_y"]], {"num": 4}, "completed"),
)
"""On the process variables of an IOC: both axes and the diode in one plan."""

EXPECTED = {name: outcome for name, _, _, outcome in PLANS + EPICS_PLANS}


def make_items(plans: Plans = PLANS) -> list[dict[str, Any]]:
    """Return the items to add."""
    return [
        {"item_type": "plan", "name": name, "args": args, "kwargs": kwargs, "meta": MARK}
        for name, args, kwargs, _ in plans
    ]


def is_ours(item: Mapping[str, Any]) -> bool:
    """Return whether a demonstration has added the item."""
    return item.get("meta") == MARK


def is_expected(item: Mapping[str, Any]) -> bool:
    """Return whether a finished item ended as it should."""
    return item["result"]["exit_status"] == EXPECTED.get(item["name"], "completed")
