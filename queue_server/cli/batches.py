"""The verbs of several items at once: remove and move them together."""

from __future__ import annotations

from typing import Annotated

import typer

from queue_server.cli import render
from queue_server.cli.items import After, Before, find_uid
from queue_server.cli.options import LockKey, User, claim
from queue_server.cli.session import LaneSession
from queue_server.protocol.errors import ParameterError

Targets = Annotated[
    list[str],
    typer.Argument(metavar="ITEM...", help="Each is front, back, a position, or a uid or its beginning."),
]


def remove(
    session: LaneSession,
    targets: Targets,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse all if an item is not in the queue or named twice.")
    ] = False,
    user: User = None,
    lock_key: LockKey = None,
) -> None:
    """Remove several items from the queue."""
    uids = [find_uid(session, target) for target in targets]
    params = {"uids": uids, "ignore_missing": not strict, **claim(user), "lock_key": lock_key}
    reply = session.request("queue_item_remove_batch", params)
    said = f"Removed {len(reply['items'])} items; {reply['qsize']} are left."
    session.show(reply, lambda: render.say(said))


def move(
    session: LaneSession,
    targets: Targets,
    to: Annotated[str | None, typer.Option("--to", metavar="POS", help="front or back.")] = None,
    before: Before = None,
    after: After = None,
    keep_order: Annotated[
        bool, typer.Option("--keep-order", help="In the order that they have in the queue, not in that of the words.")
    ] = False,
    user: User = None,
    lock_key: LockKey = None,
) -> None:
    """Move several items to one place in the queue, side by side."""
    given = {"pos_dest": to, "before_uid": before, "after_uid": after}
    if sum(place is not None for place in given.values()) != 1:
        raise ParameterError("Where to? Name one place: --to front, --to back, --before or --after.", field="--to")
    if to not in {None, "front", "back"}:
        raise ParameterError(f"Several items can be moved to front or back, not to {to!r}.", field="--to")
    uids = [find_uid(session, target) for target in targets]
    reply = session.request(
        "queue_item_move_batch", {"uids": uids, **given, "reorder": keep_order, **claim(user), "lock_key": lock_key}
    )
    session.show(reply, lambda: render.say(f"Moved {len(reply['items'])} items."))
