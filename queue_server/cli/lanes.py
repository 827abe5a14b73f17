"""The verb ``lanes``: which lanes there are, and what each of them does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from queue_server.cli import render
from queue_server.cli.session import Session

_COLUMNS = ("LANE", "STATE", "ENVIRONMENT", "ITEMS", "RUNNING", "NOTES")


def lanes(session: Session) -> None:
    """Show every lane: its queue, its environment, what runs in it, and what it waits for."""
    reply = session.request("lanes_get")
    session.show(reply, lambda: render.print_table(_COLUMNS, map(_row, reply["lanes"])))


def _row(lane: Mapping[str, Any]) -> tuple[str, ...]:
    state = lane["manager_state"] if lane["condition"] == "open" else lane["condition"]
    waits = f"waits for {lane['waiting_for']}" if lane["waiting_for"] else ""
    return (
        lane["lane"],
        state.replace("_", " "),
        lane["worker_state"].replace("_", " "),
        str(lane["items_in_queue"]),
        lane["running_item_uid"] or "",
        "; ".join(filter(None, (lane["reason"], waits))),
    )
