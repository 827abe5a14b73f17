"""The verbs of the queue as a whole: list, start, stop, autostart, mode, clear."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import typer

from queue_server.cli import render, waiting
from queue_server.cli.options import LockKey, User, Wait, claim
from queue_server.cli.session import LaneSession
from queue_server.cli.values import describe_call, read_keywords
from queue_server.protocol.errors import ParameterError


def list_queue(
    session: LaneSession,
    limit: Annotated[int | None, typer.Option(help="Largest number of items to show.")] = None,
    state: Annotated[str | None, typer.Option(help="Only items in this state: queued or held.")] = None,
    name: Annotated[str | None, typer.Option("--plan", metavar="NAME", help="Only plans of this name.")] = None,
    by_user: Annotated[str | None, typer.Option("--user", help="Only items that this user has added.")] = None,
    text: Annotated[str | None, typer.Option(help="Only items with this text in arguments or metadata.")] = None,
) -> None:
    """Show the running item and the items of the queue in order."""
    wanted = {"state": state, "name": name, "by_user": by_user, "text": text}
    reply = session.request("queue_get", {"limit": limit, **wanted})
    while reply.get("next_after_uid") is not None and (limit is None or len(reply["items"]) < limit):
        rest = None if limit is None else limit - len(reply["items"])
        asked = {"limit": rest, "after_uid": reply["next_after_uid"], **wanted}
        following = session.request("queue_get", asked)
        reply = {**following, "items": [*reply["items"], *following["items"]]}
    session.show(reply, lambda: _print_queue(reply["running_item"], reply["items"]))


def start(session: LaneSession, wait: Wait = False, lock_key: LockKey = None) -> int:
    """Start the queue; with --wait until it stops, then show what has run."""
    finished = session.request("status")["items_in_history"] if wait else 0
    reply = session.request("queue_start", {"lock_key": lock_key})
    if wait:
        return waiting.queue_ended(session, finished)
    session.show(reply, lambda: render.say("The queue was started."))
    return 0


def stop(
    session: LaneSession,
    cancel: Annotated[bool, typer.Option("--cancel", help="Take back an earlier stop.")] = False,
    lock_key: LockKey = None,
) -> None:
    """Stop the queue after the running item."""
    reply = session.request("queue_stop_cancel" if cancel else "queue_stop", {"lock_key": lock_key})
    said = "The queue goes on after the running item." if cancel else "The queue stops after the running item."
    session.show(reply, lambda: render.say(said))


def clear(session: LaneSession, user: User = None, lock_key: LockKey = None) -> None:
    """Remove all items; a running item goes on."""
    reply = session.request("queue_clear", {**claim(user), "lock_key": lock_key})
    session.show(reply, lambda: render.say("The queue is empty."))


def autostart(
    session: LaneSession,
    switch: Annotated[str | None, typer.Argument(metavar="on|off", help="Without it the state is shown.")] = None,
    lock_key: LockKey = None,
) -> None:
    """Show or switch autostart: the queue then starts whenever it has an item that can run.

    A failure, or a request to stop the queue, switches it off.
    """
    if switch not in {None, "on", "off"}:
        raise ParameterError(f"Autostart is switched on or off, not {switch!r}.", field="on|off")
    if switch is None:
        enabled = session.request("status")["queue_autostart_enabled"]
        reply: dict[str, Any] = {"success": True, "msg": "", "queue_autostart_enabled": enabled}
        session.show(reply, lambda: render.print_line("on" if enabled else "off"))
    else:
        reply = session.request("queue_autostart", {"enable": switch == "on", "lock_key": lock_key})
        session.show(reply, lambda: render.say(f"Autostart is {switch}."))


def mode(
    session: LaneSession,
    changes: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME=VALUE", help="loop=true, ignore_failures=true, or the word default."),
    ] = None,
    lock_key: LockKey = None,
) -> None:
    """Show the mode of the queue, or change parts of it."""
    if changes:
        session.request("queue_mode_set", {"mode": _read_mode(changes), "lock_key": lock_key})
    shown = session.request("status")["plan_queue_mode"]
    reply = {"success": True, "msg": "", "plan_queue_mode": shown}
    session.show(reply, lambda: render.print_fields({name: str(value).lower() for name, value in shown.items()}))


def _read_mode(words: list[str]) -> str | dict[str, Any]:
    if words == ["default"]:
        return "default"
    if "default" in words:
        raise ParameterError("'default' stands alone: it sets every part of the mode.", field="mode")
    return read_keywords(words)


def _print_queue(running: Mapping[str, Any], items: Iterable[Mapping[str, Any]]) -> None:
    items = list(items)
    if not running and not items:
        render.say("The queue is empty.")
        return
    rows = [("running", *_cells(running))] if running else []
    rows += [(str(index), *_cells(item)) for index, item in enumerate(items)]
    render.print_table(("POS", "ITEM", "USER", "UID", "STATE"), rows)


def _cells(item: Mapping[str, Any]) -> tuple[str, ...]:
    state = item.get("state", "")
    reason = item.get("hold_reason", "")
    return (
        describe_call(item),
        str(item.get("user", "")),
        str(item.get("item_uid", "")),
        f"{state}: {reason}" if reason else state,
    )
