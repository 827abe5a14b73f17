"""The verbs of the worker environment as a process: open, close, destroy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from queue_server.cli import render, waiting
from queue_server.cli.options import LockKey, Wait
from queue_server.cli.session import LaneSession


def open_environment(session: LaneSession, wait: Wait = False, lock_key: LockKey = None) -> None:
    """Start the worker and load the startup code."""
    _order(session, "environment_open", lock_key, "The environment is opening.", _if(wait, waiting.environment_opened))


def close_environment(session: LaneSession, wait: Wait = False, lock_key: LockKey = None) -> None:
    """End the worker in order; refused while an item runs."""
    _order(session, "environment_close", lock_key, "The environment is closing.", _if(wait, waiting.environment_gone))


def destroy_environment(
    session: LaneSession,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    wait: Wait = False,
    lock_key: LockKey = None,
) -> None:
    """Kill the worker process: a running plan is lost, and devices stay as they are. The last resort."""
    if not yes and render.on_terminal():
        typer.confirm("Kill the worker process? A running plan is lost.", abort=True, err=True)
    _order(session, "environment_destroy", lock_key, "The worker is being killed.", _if(wait, waiting.environment_gone))


def _if(wait: bool, condition: Callable[[LaneSession], None]) -> Callable[[LaneSession], None] | None:
    return condition if wait else None


def _order(
    session: LaneSession, method: str, lock_key: str | None, said: str, wait: Callable[[LaneSession], None] | None
) -> None:
    reply = session.request(method, {"lock_key": lock_key})
    if wait is not None:
        wait(session)
    session.show(reply, None if wait is not None else lambda: render.say(said))
