"""The verbs about the installation and its manager: down, manager stop, kernel interrupt, version."""

from __future__ import annotations

import logging
import platform
from pathlib import Path
from typing import Annotated

import typer

from queue_server import __version__
from queue_server.cli import render
from queue_server.cli.options import LockKey
from queue_server.cli.session import Session


def down(
    data: Annotated[
        Path | None,
        typer.Option(envvar="CUELIGHT_DATA", help="Data directory of the system; by default the one of 'cuelight up'."),
    ] = None,
    workers: Annotated[bool, typer.Option("--workers", help="End workers too, with the plans they run.")] = False,
) -> int:
    """End what 'cuelight up' has started; without --workers a running plan goes on in its worker."""
    from queue_server import supervisor
    from queue_server.config import default_data_directory

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    return supervisor.stop((data or default_data_directory()).expanduser().absolute(), workers=workers)


def stop_manager(
    session: Session,
    force: Annotated[bool, typer.Option("--force", help="Also while it is busy: workers are killed.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """End the manager in order while it is idle; an open environment is closed first.

    'cuelight down' ends it as well and leaves a running plan to its worker.
    """
    if force and not yes and render.on_terminal():
        typer.confirm("Kill the worker processes? A running plan is lost.", abort=True, err=True)
    reply = session.request("manager_stop", {"option": "safe_off" if force else "safe_on"})
    session.show(reply, lambda: render.say("The manager ends."))


def interrupt_kernel(
    session: Session,
    task: Annotated[bool, typer.Option("--task", help="Interrupt a foreground task.")] = False,
    plan: Annotated[bool, typer.Option("--plan", help="Interrupt a running plan.")] = False,
    lock_key: LockKey = None,
) -> None:
    """Interrupt the IPython kernel of the worker; refused, since workers run plain Python."""
    params = {"interrupt_task": task, "interrupt_plan": plan, "lock_key": lock_key}
    reply = session.request("kernel_interrupt", params)
    session.show(reply, lambda: render.say("The kernel is interrupted."))


def version(json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False) -> None:
    """Show the version of Cuelight and of the Python it runs on."""
    found = {"cuelight": __version__, "python": platform.python_version(), "platform": platform.platform()}
    render.print_json(found) if json else render.print_fields(found)
