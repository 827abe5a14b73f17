"""Verbs on the data of a system that does not run: clear-lock."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from queue_server.cli import render
from queue_server.cli.data_program import find_data, run_on_data
from queue_server.cli.locks import describe_parts
from queue_server.protocol.errors import ParameterError


def clear_lock(
    data: Annotated[
        Path | None,
        typer.Option(envvar="CUELIGHT_DATA", help="Data directory; by default the one of 'cuelight up'."),
    ] = None,
    prefix: Annotated[
        str | None,
        typer.Option("--redis-name-prefix", help="The data directory of 'cuelight re-manager' for this prefix."),
    ] = None,
    redis: Annotated[
        str | None, typer.Option("--redis-addr", help="Accepted and not used: the queue is kept in files.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Take the lock off without its key, while neither manager nor supervisor runs; say whose it was."""
    if redis is not None:
        render.say("--redis-addr is not used: the queue is kept in the data directory.")
    directory = _directory(data, prefix)
    lock = _clear(directory, as_json=json)
    if json:
        render.print_json({"success": True, "msg": "", "data": str(directory), "lock_info": lock})
    elif lock is None:
        render.say(f"There is no lock in {directory}.")
    else:
        render.say(f"The lock in {directory} was cleared: {describe_cleared(lock)}")


def describe_cleared(lock: dict[str, Any]) -> str:
    """Return whose lock it was, since when and why."""
    note = f" Note: {lock['note']}" if lock["note"] else ""
    since = render.show_time(lock["time"] or 0)
    return f"{describe_parts(lock)}, locked by {lock['user']} since {since}.{note}"


def _directory(data: Path | None, prefix: str | None) -> Path:
    from queue_server.config import prefixed_data_directory

    if prefix is None:
        return find_data(data)
    found = prefixed_data_directory(prefix).absolute()
    if data is not None and data.expanduser().absolute() != found:
        raise ParameterError(f"--data and --redis-name-prefix (which means {found}) name two places.", field="--data")
    return found


def _clear(directory: Path, *, as_json: bool) -> dict[str, Any] | None:
    # The store belongs to the process of the manager, which is started for this alone.
    return run_on_data("queue_server", "--clear-lock", str(directory), as_json=as_json)["lock"]
