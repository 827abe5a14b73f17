"""The verb ``status``. It must stay light: scripts and prompts call it often."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from queue_server.cli import render
from queue_server.cli.session import Session
from queue_server.protocol.items import DEFAULT_LANE

_CALM = {"idle", "closed", "open", "executing_queue", "executing_plan", "running"}


def status(session: Session) -> None:
    """Show the state of manager, environment, queue and RunEngine."""
    reply = session.request("status")
    session.show(reply, lambda: render.print_fields(describe(reply, session.run_control.control_address)))


def describe(status: Mapping[str, Any], address: str) -> dict[str, str]:
    """Return the lines that a person reads, by name."""
    lanes = status.get("lanes") or []
    return {
        "manager": f"{_word(status['manager_state'])}  ({status['msg']} at {address})",
        "environment": _environment(status),
        "queue": _queue(status),
        "running": _running(status),
        "RunEngine": _run_engine(status),
        "history": f"{status['items_in_history']} items",
        "lanes": "; ".join(filter(None, map(_lane, lanes))),
        **{f"lane {lane['lane']}": _work_of(lane) for lane in lanes if lane.get("lane", DEFAULT_LANE) != DEFAULT_LANE},
    }


def _work_of(lane: Mapping[str, Any]) -> str:
    """Return what a lane beside the lane default does."""
    running = f", item {lane['running_item_uid']}" if lane["running_item_uid"] else ""
    state, environment = _word(lane["manager_state"]), _word(lane["worker_state"])
    return f"{state}, environment {environment}, {lane['items_in_queue']} items{running}"


def _environment(status: Mapping[str, Any]) -> str:
    if not status["worker_environment_exists"] and status["manager_state"] == "idle":
        return "closed  (open it with 'cuelight env open')"
    return _word(status["worker_environment_state"])


def _queue(status: Mapping[str, Any]) -> str:
    mode = status["plan_queue_mode"]
    parts = [
        f"{status['items_in_queue']} items",
        "stops after the running item" if status["queue_stop_pending"] else "",
        "starts by itself" if status["queue_autostart_enabled"] else "",
        "loop" if mode.get("loop") else "",
        "ignores failures" if mode.get("ignore_failures") else "",
    ]
    return ", ".join(filter(None, parts))


def _running(status: Mapping[str, Any]) -> str:
    uid = status["running_item_uid"]
    return "" if uid is None else f"item {uid}"


def _run_engine(status: Mapping[str, Any]) -> str:
    state = status["re_state"]
    if state is None:
        return ""
    return _word(state) + (", pause pending" if status["pause_pending"] else "")


def _lane(lane: Mapping[str, Any]) -> str:
    """Return what is unusual about a lane, or an empty string."""
    notes = []
    if lane["condition"] != "open":
        notes.append(f"{lane['condition']}: {lane['reason']}" if lane["reason"] else lane["condition"])
    if lane["waiting_for"]:
        notes.append(f"waiting for {lane['waiting_for']} since {render.show_time(lane['waiting_since'] or 0)}")
    if not lane["answering"] and lane["worker_state"] != "closed":
        since = lane.get("silent_since")
        notes.append(f"the worker does not answer{f' since {render.show_time(since)}' if since else ''}")
    return render.paint(f"{lane['lane']} {', '.join(notes)}", "yellow") if notes else ""


def _word(state: str) -> str:
    text = state.replace("_", " ")
    return text if state in _CALM else render.paint(text, "yellow")
