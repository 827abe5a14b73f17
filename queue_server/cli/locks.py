"""The verbs of the lock: lock, unlock, and who has locked what. A key is never printed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from queue_server.cli import render
from queue_server.cli.keys import VARIABLE, find_key
from queue_server.cli.options import DEFAULT_GROUP, User, who
from queue_server.cli.session import Session

KeyFile = Annotated[
    str | None,
    typer.Option(
        "--key-file",
        metavar="FILE",
        help=f"File with the key, - for stdin; by default {VARIABLE}, else it is asked for and not shown.",
    ),
]


def lock(
    session: Session,
    environment: Annotated[
        bool, typer.Option("--environment", help="Lock the environment and the running plan only.")
    ] = False,
    queue: Annotated[bool, typer.Option("--queue", help="Lock the queue only.")] = False,
    note: Annotated[str | None, typer.Option("-m", "--note", help="Why; everybody sees it.")] = None,
    user: User = None,
    key_file: KeyFile = None,
) -> None:
    """Lock environment and queue, or one of them: whoever has the key can still change them."""
    is_both = environment == queue
    params = {
        "lock_key": find_key(key_file, is_new=True),
        "user": who(user, DEFAULT_GROUP)["user"],
        "environment": environment or is_both,
        "queue": queue or is_both,
        "note": note,
    }
    reply = session.request("lock", params)
    session.show(reply, lambda: render.say(f"Locked: {describe_parts(reply['lock_info'])}."))


def unlock(session: Session, key_file: KeyFile = None) -> None:
    """Take the lock off; 'cuelight clear-lock' does so without the key while the manager does not run."""
    reply = session.request("unlock", {"lock_key": find_key(key_file)})
    session.show(reply, lambda: render.say("Unlocked."))


def show(
    session: Session,
    check: Annotated[bool, typer.Option("--check", help="Find out whether a key fits; refused if not.")] = False,
    key_file: KeyFile = None,
) -> None:
    """Show what is locked, by whom, since when and why."""
    key = find_key(key_file) if check or key_file is not None else None
    reply = session.request("lock_info", {"lock_key": key})
    session.show(reply, lambda: render.print_fields(describe(reply["lock_info"])))


def describe(info: Mapping[str, Any]) -> dict[str, str]:
    """Return the lines that a person reads, by name."""
    return {
        "locked": describe_parts(info),
        "by": info.get("user") or "",
        "since": render.show_time(info.get("time") or 0),
        "note": info.get("note") or "",
        "emergency key": "set" if info.get("emergency_lock_key_is_set") else "",
    }


def describe_parts(info: Mapping[str, Any]) -> str:
    """Return the locked parts in words."""
    return " and ".join(part for part in ("environment", "queue") if info.get(part)) or "nothing"
