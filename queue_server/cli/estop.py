"""The verbs of the emergency stop: stop everything that moves, and release the latch when it is safe."""

from __future__ import annotations

import getpass
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from queue_server.cli import render
from queue_server.cli.options import LockKey, User
from queue_server.cli.session import Session
from queue_server.protocol.errors import CuelightError

Reason = Annotated[str | None, typer.Option("-m", "--reason", help="Why; everybody sees it.")]
Lane = Annotated[str | None, typer.Option("--lane", help="Only this lane; by default all of them.")]


class NotStoppedError(CuelightError):
    """Something could not be stopped."""

    code = "not_stopped"
    exit_code = 5


def stop(session: Session, reason: Reason = None, lane: Lane = None, user: User = None) -> None:
    """STOP ALL MOTION (software): stop devices and plans now, and latch until 'cuelight estop reset'.

    This is not a safety-rated function: where people or equipment are in danger, use the emergency-off circuit.
    """
    reply = session.request("estop", {"reason": reason, "lane": lane, "user": user or _account()})
    session.show(reply, lambda: _print_lanes(reply))
    incomplete = [each["lane"] for each in reply["lanes"] if _is_incomplete(each)]
    if incomplete:
        raise NotStoppedError(f"Not everything was stopped in {', '.join(incomplete)}: look at the devices.")


def reset(
    session: Session, reason: Reason = None, lane: Lane = None, user: User = None, lock_key: LockKey = None
) -> None:
    """Release what an emergency stop has latched; nothing starts by that."""
    params = {"reason": reason, "lane": lane, "user": user or _account(), "lock_key": lock_key}
    reply = session.request("estop_reset", params)
    released = ", ".join(reply["released"])
    said = f"Released: {released}. Nothing has started; autostart is off." if released else "Nothing was latched."
    session.show(reply, lambda: render.say(said))


def _account() -> str | None:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        # An account without a name must be able to stop, too.
        return None


def _is_incomplete(lane: Mapping[str, Any]) -> bool:
    return lane["answer"] in ("silent", "killed", "awaited") or bool(lane["failed"] or lane["not_reached"])


def _print_lanes(reply: Mapping[str, Any]) -> None:
    rows: list[tuple[str, ...]] = []
    for lane in reply["lanes"]:
        render.say(f"Lane {lane['lane']} is latched. {lane['note']}".rstrip())
        rows += [(lane["lane"], device, "stopped", "") for device in lane["stopped"]]
        rows += _rows_of(lane["lane"], "FAILED", lane["failed"])
        rows += _rows_of(lane["lane"], "NOT REACHED", lane["not_reached"])
        if lane["omitted"]:
            rows.append((lane["lane"], f"{lane['omitted']} more", "", ""))
    if rows:
        render.print_table(("LANE", "DEVICE", "STATE", "WHY"), rows)
    if not reply["recorded"]:
        render.say("The stop holds, but is not yet recorded: the store has not answered.")
    render.say("Release it with: cuelight estop reset -m REASON")


def _rows_of(lane: str, state: str, notes: Sequence[Mapping[str, str]]) -> list[tuple[str, ...]]:
    return [(lane, note["device"], state, note["reason"]) for note in notes]
