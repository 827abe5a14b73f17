"""Judges the store: whether its files fit, whether the data are sound, and how old the newest backup is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from queue_server.cli import render
from queue_server.cli.doctor.facts import StoreFacts
from queue_server.cli.doctor.finding import Finding, command_on, quoted

BACKUP_SLACK_S = 120.0
"""How much older than its interval the newest backup may be: one that is being made takes its time."""

Seen = Mapping[str, Any]


def check_examination(facts: StoreFacts, data: Path) -> list[Finding]:
    """Judge whether the store could be looked at as a whole."""
    if not facts.failed:
        return []
    action = f"{command_on(data, 'verify')}    # it waits as long as it takes"
    return [Finding("store", "warning", f"Not everything of the store was examined: {facts.failed}", action)]


def check_store(facts: StoreFacts, data: Path, *, is_running: bool) -> list[Finding]:
    """Judge the database and the files beside it."""
    around, seen = facts.surroundings, facts.data
    if around is None:
        return []
    # A wrong mode is told with the other files; the data can be sound all the same.
    if around["misfit"] and ": run chmod " not in around["misfit"]:
        return [Finding("store", "failure", around["misfit"], _restore(around, data, is_running=is_running))]
    if not around["is_used"]:
        return [Finding("store", "ok", f"Nothing is stored in {data} yet.")]
    if seen is None:
        return []
    if seen["faults"]:
        said = _join(seen["faults"])
        text = f"The stored data are damaged: {said}"
        return [Finding("store", "failure", text, _restore(around, data, is_running=is_running))]
    return [Finding("store", "ok", _describe(seen, is_running=is_running))]


def check_backups(facts: StoreFacts, data: Path, *, interval_s: float, now: float) -> list[Finding]:
    """Judge how old the newest backup is, and whether anything was changed since."""
    around = facts.surroundings
    if around is None or not around["is_used"]:
        return []
    action = command_on(data, "backup")
    limit_s = interval_s + BACKUP_SLACK_S
    if not around["backups"]:
        age_s = now - (around["marker_time"] or now)
        if age_s <= limit_s:
            return [Finding("backup", "ok", f"There is no backup yet; the first one is due after {interval_s:g} s.")]
        text = f"There is no backup, though the data are {render.show_duration(age_s)} old."
        return [Finding("backup", "warning", text, action)]
    age_s = max(0.0, now - around["backup_time"])
    text = f"The newest of {around['backups']} backups is {render.show_duration(age_s)} old"
    behind = _events_behind(facts)
    if behind is None:
        return [Finding("backup", "ok", f"{text}.")]
    if behind == 0:
        return [Finding("backup", "ok", f"{text}; nothing was recorded since.")]
    text = f"{text}; {behind} events were recorded since."
    return [Finding("backup", "warning", text, action) if age_s > limit_s else Finding("backup", "ok", text)]


def check_newest_backup(facts: StoreFacts, data: Path) -> list[Finding]:
    """Judge whether the newest backup is sound and belongs to the data."""
    seen = facts.backup
    if seen is None:
        return []
    if seen["faults"]:
        text = f"The newest backup cannot be used: {_join(seen['faults'])}"
        return [Finding("backup", "warning", text, command_on(data, "backup"))]
    ours = (facts.data or {}).get("identity")
    if ours is not None and ours["instance"] != seen["identity"]["instance"]:
        text = f"The newest backup, {seen['file']}, belongs to another instance."
        return [Finding("backup", "warning", text, command_on(data, "backup"))]
    return [Finding("backup", "ok", f"The newest backup, {seen['file']}, is sound.")]


def _describe(seen: Seen, *, is_running: bool) -> str:
    found = seen["identity"]
    text = f"Every page, index and row is sound: epoch {found['epoch']}, {found['last_seq']} events."
    if is_running or seen["left_in_order"]:
        return text
    return f"{text} The last manager did not end in order; the next one goes on from what was committed."


def _join(faults: Sequence[str]) -> str:
    """Return all faults in one line; those of SQLite have several."""
    return " ".join(" ".join(fault.split()) for fault in faults)


def _restore(around: Seen, data: Path, *, is_running: bool) -> str:
    if not around["backups"]:
        return f"{command_on(data, 'restore')} FILE    # there is no backup in {quoted(data / 'backups')}"
    first = f"{command_on(data, 'down --workers')} && " if is_running else ""
    return f"{first}{command_on(data, 'restore')}"


def _events_behind(facts: StoreFacts) -> int | None:
    ours, kept = (facts.data or {}).get("identity"), (facts.backup or {}).get("identity")
    if ours is None or kept is None:
        return None
    return max(0, ours["last_seq"] - kept["last_seq"])
