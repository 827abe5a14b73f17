"""The verbs of the running plan: pause, resume, stop, abort, halt. None of them waits for the queue or the store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from queue_server.cli import render, waiting
from queue_server.cli.options import LockKey, Wait
from queue_server.cli.session import LaneSession, Session


def pause(
    session: LaneSession,
    now: Annotated[bool, typer.Option("--now", help="Pause at once; steps may be repeated later.")] = False,
    wait: Wait = False,
    lock_key: LockKey = None,
) -> None:
    """Pause the running plan at its next checkpoint."""
    reply = session.request("re_pause", {"option": "immediate" if now else "deferred", "lock_key": lock_key})
    if wait:
        waiting.plan_paused(session)
    session.show(reply, None if wait else lambda: render.say("The plan is asked to pause."))


def resume(session: LaneSession, wait: Wait = False, lock_key: LockKey = None) -> None:
    """Go on with the paused plan."""
    _order(session, "re_resume", lock_key, "The plan is asked to go on.", waiting.plan_resumed if wait else None)


def stop(session: LaneSession, wait: Wait = False, lock_key: LockKey = None) -> None:
    """End the paused plan as a success: its cleanup runs, its runs count as good."""
    _order(session, "re_stop", lock_key, "The plan is asked to end.", waiting.plan_ended if wait else None)


def abort(session: LaneSession, wait: Wait = False, lock_key: LockKey = None) -> None:
    """End the paused plan as a failure: its cleanup runs, its runs are marked as aborted."""
    _order(session, "re_abort", lock_key, "The plan is asked to abort.", waiting.plan_ended if wait else None)


def halt(session: LaneSession, wait: Wait = False, lock_key: LockKey = None) -> None:
    """End the paused plan at once, without its cleanup: devices stay as they are."""
    _order(session, "re_halt", lock_key, "The plan is asked to halt.", waiting.plan_ended if wait else None)


def runs(
    session: LaneSession,
    option: Annotated[str, typer.Option(help="active, open or closed; active means both.")] = "active",
) -> None:
    """Show the runs of the running plan."""
    reply = session.request("re_runs", {"option": option})
    rows = [
        (run["uid"], str(run.get("scan_id") or ""), "open" if run["is_open"] else run["exit_status"] or "closed")
        for run in reply["run_list"]
    ]
    session.show(reply, lambda: render.print_table(("RUN", "SCAN", "STATE"), rows))


def _order(
    session: Session, method: str, lock_key: str | None, said: str, wait: Callable[[Session], None] | None
) -> None:
    reply = session.request(method, {"lock_key": lock_key})
    if wait is not None:
        wait(session)
    session.show(reply, None if wait is not None else lambda: render.say(said))
