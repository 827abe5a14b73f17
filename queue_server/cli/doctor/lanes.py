"""Judges the lanes as the manager describes them: stopped, held, waiting, or with a worker that does not answer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from queue_server.cli import render
from queue_server.cli.doctor.finding import Finding, quoted
from queue_server.protocol.items import DEFAULT_LANE

WAITS_TOO_LONG_S = 60.0

Lane = Mapping[str, Any]


def check_lane(lane: Lane, data: Path, now: float) -> list[Finding]:
    """Judge one lane of a status."""
    found = [*_judge_condition(lane), *_judge_worker(lane, data, now), *_judge_order(lane, now)]
    if found:
        return found
    state = str(lane["worker_state"]).replace("_", " ")
    return [Finding("lane", "ok", f"Lane {lane['lane']} is open, its environment is {state}.")]


def _judge_condition(lane: Lane) -> list[Finding]:
    reason = f": {lane['reason']}" if lane["reason"] else ""
    if lane["condition"] == "estopped":
        text = f"Lane {lane['lane']} was stopped by an emergency stop{reason}."
        return [Finding("lane", "warning", text, "cuelight estop reset    # after you have looked at the hardware")]
    if lane["condition"] == "held":
        text = f"Lane {lane['lane']} is held{reason}."
        where = _option(lane)
        advice = f"cuelight queue list{where}    # then: cuelight queue release UID{where}"
        return [Finding("lane", "warning", text, advice)]
    return []


def _judge_worker(lane: Lane, data: Path, now: float) -> list[Finding]:
    name = lane["lane"]
    if lane["worker_state"] == "failed":
        text = f"The environment of lane {name} did not open{': ' if lane['reason'] else ''}{lane['reason']}."
        return [Finding("worker", "warning", text, f"tail -n 50 {quoted(data / 'workers' / f'{name}.log')}")]
    if lane["answering"] or lane["worker_state"] == "closed":
        return []
    since = lane.get("silent_since")
    age = f" for {render.show_duration(max(0.0, now - since))}" if since else ""
    doing = f", with item {lane['running_item_uid']}" if lane["running_item_uid"] else ""
    text = f"The worker of lane {name} has not answered{age}{doing}."
    where = _option(lane)
    action = f"cuelight abort{where} || cuelight env destroy{where}    # destroy kills it, with the plan"
    return [Finding("worker", "failure", text, action)]


def _option(lane: Lane) -> str:
    """Return the option of a command that is to act in a lane."""
    return "" if lane["lane"] == DEFAULT_LANE else f" --lane {quoted(lane['lane'])}"


def _judge_order(lane: Lane, now: float) -> list[Finding]:
    since = lane["waiting_since"]
    if not lane["waiting_for"] or not since or now - since <= WAITS_TOO_LONG_S:
        return []
    if lane.get("waiting_item_uid"):
        # Another lane uses the device; that may take its time.
        return [Finding("lane", "ok", f"Lane {lane['lane']} waits for {lane['waiting_for']}.")]
    text = f"Lane {lane['lane']} has been waiting for {lane['waiting_for']} for {render.show_duration(now - since)}."
    return [
        Finding(
            "lane", "warning", text, "cuelight status    # then: cuelight abort, cuelight halt, or cuelight env destroy"
        )
    ]
