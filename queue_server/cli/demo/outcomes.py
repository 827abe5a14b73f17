"""The table of what came out: one row for each item, and the reasons of failures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from queue_server.cli import render
from queue_server.cli.demo.board import describe_outcome
from queue_server.cli.history import reason_of
from queue_server.protocol.items import DEFAULT_LANE


def show_outcomes(items: list[dict[str, Any]]) -> None:
    """Print how finished items ended."""
    render.print_line("")
    render.print_table(("ITEM", "OUTCOME", "POINTS", "DURATION", "RUN UIDS"), map(_row, items))
    render.print_line("")
    _show_reasons(items)


def show_lanes(items: list[dict[str, Any]]) -> None:
    """Print how finished items of several lanes ended."""
    render.print_line("")
    render.print_table(("ITEM", "TYPE", "LANE", "OUTCOME", "DURATION"), map(_lane_row, items))
    render.print_line("")
    _show_reasons(items)


def _lane_row(item: Mapping[str, Any]) -> tuple[str, ...]:
    result = item["result"]
    return (
        item["name"],
        item["item_type"],
        item.get("lane", DEFAULT_LANE),
        describe_outcome(item),
        render.show_duration(result["time_stop"] - result["time_start"]),
    )


def _show_reasons(items: list[dict[str, Any]]) -> None:
    for item in items:
        reason = reason_of(item)
        if reason:
            render.print_line(f"{item['name']} {describe_outcome(item)}: {reason}")


def _row(item: Mapping[str, Any]) -> tuple[str, ...]:
    result = item["result"]
    return (
        item["name"],
        describe_outcome(item),
        str(result["points"]),
        render.show_duration(result["time_stop"] - result["time_start"]),
        " ".join(result["run_uids"]),
    )
