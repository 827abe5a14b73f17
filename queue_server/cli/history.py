"""The verbs of the history: what has run, and how it ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

import typer

from queue_server.cli import render
from queue_server.cli.options import LockKey, User, claim
from queue_server.cli.session import Session
from queue_server.cli.times import From, To, read_time
from queue_server.cli.values import describe_call

Resolution = Literal["completed", "failed"]


def show(
    session: Session,
    limit: Annotated[int, typer.Option(help="Number of entries, the newest ones.")] = 20,
    before: Annotated[int | None, typer.Option(help="Only entries older than this one.")] = None,
    name: Annotated[str | None, typer.Option("--plan", metavar="NAME", help="Only plans of this name.")] = None,
    by_user: Annotated[str | None, typer.Option("--user", help="Only items that this user has added.")] = None,
    outcome: Annotated[str | None, typer.Option(help="Only items that ended so: completed, failed, ...")] = None,
    lane: Annotated[str | None, typer.Option(help="Only items of this lane.")] = None,
    text: Annotated[str | None, typer.Option(help="Only items with this text in arguments or metadata.")] = None,
    time_from: From = None,
    time_to: To = None,
) -> None:
    """Show what has run, newest last, with outcome, runs, points and duration."""
    wanted = {
        "name": name,
        "by_user": by_user,
        "outcome": outcome,
        "lane": lane,
        "text": text,
        "time_from": read_time(time_from, "--from"),
        "time_to": read_time(time_to, "--to"),
    }
    reply = _gather(session, limit, before, {name: value for name, value in wanted.items() if value is not None})
    session.show(reply, lambda: print_history(reply["items"]))


def _gather(session: Session, limit: int, before: int | None, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return the newest entries that fit, asking until there are enough: a page with filters may be short."""
    reply = session.request("history_get", {"limit": limit, "before": before, **wanted})
    items: list[Mapping[str, Any]] = reply["items"]
    while wanted and reply.get("before") is not None and len(items) < limit:
        params = {"limit": limit - len(items), "before": reply["before"], **wanted}
        reply = session.request("history_get", params)
        items = [*reply["items"], *items]
    return {**reply, "items": items}


def clear(
    session: Session,
    size: Annotated[int | None, typer.Option(help="Number of newest entries to keep.")] = None,
    item: Annotated[str | None, typer.Option(help="Uid of an entry: remove it and all that are older.")] = None,
    lock_key: LockKey = None,
) -> None:
    """Remove entries of the history, without options all of them."""
    reply = session.request("history_clear", {"size": size, "item_uid": item, "lock_key": lock_key})
    session.show(reply, lambda: render.say("The history was cleared."))


def resolve(
    session: Session,
    item: Annotated[str, typer.Argument(metavar="ITEM", help="Uid of the finished item whose outcome is unknown.")],
    outcome: Annotated[Resolution, typer.Argument(metavar="completed|failed", help="How it has ended.")],
    message: Annotated[
        str | None, typer.Option("--message", help="How that is known; without it, that you have said so.")
    ] = None,
    user: User = None,
    lock_key: LockKey = None,
) -> None:
    """Tell how an item ended whose outcome was unknown.

    If it was completed, its held copy is withdrawn, and its lane goes on.
    """
    reason = message or f"{claim(user)['user']} has said so at the command line"
    params = {"item_uid": item, "outcome": outcome, "reason": reason, "lock_key": lock_key}
    reply = session.request("history_item_resolve", params)
    session.show(reply, lambda: render.say(_tell_resolved(reply, outcome)))


def _tell_resolved(reply: Mapping[str, Any], outcome: Resolution) -> str:
    copy = reply.get("withdrawn_uid")
    said = f"{reply['item']['name']} counts as {outcome} now."
    return said if copy is None else f"{said} Its held copy {copy} was withdrawn."


def print_history(items: Iterable[Mapping[str, Any]]) -> None:
    """Print finished items as a table, and below it why the failed ones failed, and why some have no metrics."""
    items = list(items)
    columns = ("STARTED", "ITEM", "OUTCOME", "POINTS", "DURATION", "RUNS")
    render.print_table(columns, map(_row, items))
    for item in items:
        reason = reason_of(item)
        if reason:
            render.say(f"{item['name']} ({item['item_uid']}): {reason}")
        lack = item["result"].get("metrics_error")
        if lack:
            render.say(f"{item['name']} ({item['item_uid']}) has no metrics: {lack}")


def reason_of(item: Mapping[str, Any]) -> str:
    """Return why an item did not complete, in a line; empty if it completed or nobody knows."""
    result = item["result"]
    if result["exit_status"] == "completed":
        return ""
    return render.last_line(result["traceback"]) or result["msg"]


def _row(item: Mapping[str, Any]) -> tuple[str, ...]:
    result = item["result"]
    return (
        render.show_time(result["time_start"]),
        describe_call(item),
        result["exit_status"],
        str(result.get("points", "")),
        render.show_duration(result["time_stop"] - result["time_start"]),
        " ".join(result["run_uids"]),
    )
