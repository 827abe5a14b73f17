"""The verbs of batches: create them from files, tables and sweeps, look at them, and change them as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, cast

import typer

from queue_server.cli import render
from queue_server.cli.batch_orders import Base, read_order
from queue_server.cli.options import DEFAULT_GROUP, LockKey, User, UserGroup, claim, who
from queue_server.cli.session import LaneSession, Session
from queue_server.cli.values import describe_call
from queue_server.protocol.errors import NotFoundError, ParameterError

_ID_LENGTH = 36
_MOST_SEARCHED = 1_000
_PATIENCE_S = 30.0

Identity = Annotated[str, typer.Argument(metavar="BATCH", help="Id of the batch, or its beginning.")]
Words = list[str] | None


def create(
    session: LaneSession,
    file: Annotated[
        str | None,
        typer.Argument(metavar="FILE", help="YAML or JSON with items or a whole request; CSV or XLSX with parameters."),
    ] = None,
    plan: Annotated[str | None, typer.Option("--plan", metavar="NAME", help="Plan of all items.")] = None,
    workflow: Annotated[str | None, typer.Option("--workflow", metavar="ID", help="Workflow of all items.")] = None,
    args: Annotated[
        str | None, typer.Option("--args", metavar="LIST", help="Arguments of the plan by position, as a list.")
    ] = None,
    fixed: Annotated[
        Words, typer.Option("--set", metavar="NAME=VALUE", help="What all items have in common; repeat it.")
    ] = None,
    sweep: Annotated[
        Words,
        typer.Option("--sweep", metavar="NAME=VALUES", help="What varies: a list, or START:STOP:NUM; repeat it."),
    ] = None,
    kind: Annotated[str, typer.Option("--kind", metavar="grid|zip", help="How several --sweep are combined.")] = "grid",
    name: Annotated[str | None, typer.Option("--name", help="What people call the batch.")] = None,
    project: Annotated[str | None, typer.Option("--project", help="The project that it belongs to.")] = None,
    pos: Annotated[str | None, typer.Option("--pos", metavar="POS", help="front or back of the queue.")] = None,
    held: Annotated[bool, typer.Option("--held", help="Hold the items until the batch is resumed.")] = False,
    user: User = None,
    group: UserGroup = DEFAULT_GROUP,
    lock_key: LockKey = None,
) -> None:
    """Create items together, all or none, and print the id of the batch.

    For example: batch create --plan count --args '[["det1"]]' --sweep num=[3,5] --sweep delay=0:1:5
    """
    if pos not in {None, "front", "back"}:
        raise ParameterError(f"A batch goes to the front or to the back, not to {pos!r}.", field="--pos")
    order = read_order(file, Base(plan, workflow, args, fixed or []), sweep or [], kind)
    own = {"name": name, "project": project, "pos": pos, "held": held or None, "lock_key": lock_key}
    order |= {key: value for key, value in own.items() if value is not None}
    _be_patient(session)
    reply = session.request("batch_create", {**order, **who(user, group)})
    session.show(reply, lambda: _confirm(reply["batch"]))


def list_batches(
    session: Session,
    project: Annotated[str | None, typer.Option("--project", help="Only those of this project.")] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=1000, help="How many.")] = 20,
) -> None:
    """Show the newest batches."""
    reply = session.request("batch_list", {"project": project, "limit": limit})
    columns = ("BATCH", "CREATED", "ITEMS", "NAME", "PROJECT", "WORKFLOW", "OWNER")
    session.show(reply, lambda: render.print_table(columns, map(_row_of_batch, reply["batches"])))


def show(session: Session, batch: Identity) -> None:
    """Show a batch, and how many of its items are in which state."""
    reply = session.request("batch_get", {"batch_id": _find(session, batch)})
    session.show(reply, lambda: _print_batch(reply["batch"]))


def items(
    session: Session,
    batch: Identity,
    state: Annotated[Words, typer.Option("--state", help="Only those in this state; repeat it.")] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=1000, help="How many.")] = 100,
    offset: Annotated[int, typer.Option("--offset", metavar="N", min=0, help="How many are left out before.")] = 0,
) -> None:
    """Show items of a batch in their order."""
    params = {"batch_id": _find(session, batch), "state": state, "limit": limit, "offset": offset}
    reply = session.request("batch_items", params)
    session.show(reply, lambda: _print_items(reply, offset))


def cancel(session: Session, batch: Identity, user: User = None, lock_key: LockKey = None) -> None:
    """Remove whatever waits of a batch from the queue; what runs goes on."""
    _change(session, "batch_cancel", batch, {**claim(user), "lock_key": lock_key}, "Cancelled")


def hold(
    session: Session,
    batch: Identity,
    reason: Annotated[str | None, typer.Option("-m", "--reason", help="Why; shown with each item.")] = None,
    user: User = None,
    lock_key: LockKey = None,
) -> None:
    """Hold whatever waits of a batch: the queue does not go past it."""
    _change(session, "batch_hold", batch, {"reason": reason, **claim(user), "lock_key": lock_key}, "Held")


def resume(session: Session, batch: Identity, user: User = None, lock_key: LockKey = None) -> None:
    """Release whatever is held of a batch."""
    _change(session, "batch_resume", batch, {**claim(user), "lock_key": lock_key}, "Released")


def retry(
    session: Session,
    batch: Identity,
    unknown: Annotated[bool, typer.Option("--unknown", help="Also those whose outcome is unknown.")] = False,
    user: User = None,
    group: UserGroup = DEFAULT_GROUP,
    lock_key: LockKey = None,
) -> None:
    """Put the items that failed or were ended at the back of the queue once more."""
    params = {"include_unknown": unknown or None, **who(user, group), "lock_key": lock_key}
    _change(session, "batch_retry", batch, params, "Queued once more")


def _change(session: Session, method: str, batch: str, params: Mapping[str, Any], word: str) -> None:
    _be_patient(session)
    reply = session.request(method, {"batch_id": _find(session, batch), **params})
    running = f" {reply['running']} of the batch are running." if reply["running"] else ""
    session.show(reply, lambda: render.say(f"{word}: {_count(reply['changed'])}.{running}"))


def _be_patient(session: Session) -> None:
    """Wait longer for the reply than for others, unless ``--timeout`` says how long; before the first request."""
    if session.timeout_s is None:
        session.timeout_s = _PATIENCE_S


def _find(session: Session, wanted: str) -> str:
    """Return the id of a batch; the beginning of one is looked up among the newest."""
    if len(wanted) == _ID_LENGTH:
        return wanted
    known = session.request("batch_list", {"limit": _MOST_SEARCHED})["batches"]
    found = [batch["id"] for batch in known if batch["id"].startswith(wanted.lower())]
    if len(found) > 1:
        raise ParameterError(f"{len(found)} batches begin with {wanted!r}; give more of the id.", field="BATCH")
    if not found:
        raise NotFoundError(f"No batch begins with {wanted!r}; 'cuelight batch list' shows them.")
    return found[0]


def _count(number: int) -> str:
    return f"{number} item" if number == 1 else f"{number} items"


def _confirm(batch: Mapping[str, Any]) -> None:
    render.print_line(batch["id"])
    render.say(f"Created a batch of {_count(batch['size'])}; 'cuelight batch show' tells how it goes on.")


def _row_of_batch(batch: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        batch["id"],
        render.show_time(batch["created"]),
        str(batch["size"]),
        batch["name"],
        batch["project"],
        batch["workflow_id"] or "",
        batch["owner"],
    )


def _print_batch(batch: Mapping[str, Any]) -> None:
    states = ", ".join(f"{count} {state}" for state, count in sorted(batch["counts"].items()))
    fields = {
        "batch": batch["id"],
        "name": batch["name"],
        "project": batch["project"],
        "workflow": batch["workflow_id"] or "",
        "owner": batch["owner"],
        "lane": batch["lane"],
        "created": render.show_time(batch["created"]),
        "items": f"{batch['size']}: {states}",
    }
    render.print_fields({name: value for name, value in fields.items() if value})


def _print_items(reply: Mapping[str, Any], offset: int) -> None:
    shown: list[dict[str, Any]] = reply["items"]
    render.print_table(("ITEM", "STATE", "ATTEMPTS", "WHAT", "MESSAGE"), map(_row_of_item, shown))
    left = cast("int", reply["total"]) - offset - len(shown)
    if left > 0:
        render.say(f"{left} more; --offset {offset + len(shown)} shows them.")


def _row_of_item(item: Mapping[str, Any]) -> tuple[str, ...]:
    what = item["reference"] or describe_call({"name": item["workflow_id"] or "", "kwargs": item["arguments"]})
    attempts = str(len(item["results"]))
    return str(item["ordinal"]), item["state"], attempts, what, render.first_line(item["message"])
