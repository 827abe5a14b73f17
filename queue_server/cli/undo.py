"""The verb ``queue undo``: take edits of the queue back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from queue_server.cli import render
from queue_server.cli.options import DEFAULT_GROUP, LockKey, User, UserGroup, who
from queue_server.cli.session import LaneSession
from queue_server.protocol.errors import ParameterError


def undo(
    session: LaneSession,
    steps: Annotated[int, typer.Argument(metavar="N", help="Number of edits to take back, the latest first.")] = 1,
    mine: Annotated[bool, typer.Option("--mine", help="Only edits of the one who asks.")] = False,
    edits_of: Annotated[str | None, typer.Option("--of", metavar="USER", help="Only edits of this user.")] = None,
    user: User = None,
    group: UserGroup = DEFAULT_GROUP,
    lock_key: LockKey = None,
) -> None:
    """Take the latest edits of the queue back: added, removed, moved, changed, held and cleared items.

    All of them or none; refused with the reason if an item has started since. An undo is not undone: the next one goes
    further back.
    """
    if mine and edits_of is not None:
        raise ParameterError("Give one of --mine and --of.", field="--of")
    asking = who(user, group)
    params = {"steps": steps, "edits_of": asking["user"] if mine else edits_of, **asking, "lock_key": lock_key}
    reply = session.request("queue_undo", params)
    session.show(reply, lambda: _confirm(reply))


def _confirm(reply: Mapping[str, Any]) -> None:
    columns = ("SEQ", "TIME", "EDIT", "USER", "ITEM")
    render.print_table(columns, map(_row, reply["undone"]))
    render.say(f"Undone; the queue has {reply['qsize']}.")


def _row(undone: Mapping[str, Any]) -> tuple[str, ...]:
    uids = undone["item_uids"]
    item = f"{undone['name']} {uids[0]}".strip() if undone["items"] == 1 and uids else f"{undone['items']} items"
    return str(undone["seq"]), render.show_time(undone["time"]), undone["kind"], undone["user"], item
