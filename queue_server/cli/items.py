"""The verbs of single items: add, execute, get, update, move, remove, hold, release."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from queue_server.cli import render, waiting
from queue_server.cli.files import read_document
from queue_server.cli.options import DEFAULT_GROUP, LockKey, User, UserGroup, Wait, claim, who
from queue_server.cli.session import LaneSession, Session
from queue_server.cli.values import describe_call, item_of, items_of, read_call, read_keywords, read_value
from queue_server.protocol.errors import NotFoundError, ParameterError

Target = Annotated[str, typer.Argument(metavar="ITEM", help="front, back, a position, or a uid or its beginning.")]
Detectors = Annotated[
    list[str] | None,
    typer.Option("-d", "--device", metavar="NAME", help="Device for the plan's first argument; may be repeated."),
]
Position = Annotated[str | None, typer.Option("--pos", metavar="POS", help="front, back, or an index.")]
Before = Annotated[str | None, typer.Option("--before", metavar="UID", help="Put it before this item.")]
After = Annotated[str | None, typer.Option("--after", metavar="UID", help="Put it after this item.")]
_UID_LENGTH = 36


def add(
    session: LaneSession,
    name: Annotated[str, typer.Argument(metavar="PLAN", help="Name of the plan, @FILE with an item, or - for stdin.")],
    words: Annotated[list[str] | None, typer.Argument(metavar="ARG|NAME=VALUE", help="Arguments of the plan.")] = None,
    devices: Detectors = None,
    meta: Annotated[list[str] | None, typer.Option("--meta", metavar="NAME=VALUE", help="Kept with the item.")] = None,
    instruction: Annotated[bool, typer.Option("--instruction", help="Add an instruction, such as queue_stop.")] = False,
    pos: Position = None,
    before: Before = None,
    after: After = None,
    user: User = None,
    group: UserGroup = DEFAULT_GROUP,
    wait: Wait = False,
    lock_key: LockKey = None,
) -> int:
    """Add a plan to the queue and print its uid.

    For example: queue add scan -d det1 -- motor1 -1 1 num=11. Arguments are read as JSON, else as Python
    literals, else as text.
    """
    item = _read_item(name, words or [], devices or [], meta)
    if instruction:
        item["item_type"] = "instruction"
    place = _place(pos, before, after)
    reply = session.request("queue_item_add", {"item": item, **place, **who(user, group), "lock_key": lock_key})
    uid = reply["item"]["item_uid"]
    if wait:
        render.say(f"Added {describe_call(reply['item'])} as {uid}.")
        return waiting.items_ended(session, [reply["item"]])
    session.show(reply, lambda: _confirm_added(uid, f"Added {describe_call(reply['item'])}", reply["qsize"]))
    return 0


def execute(
    session: LaneSession,
    name: Annotated[str, typer.Argument(metavar="PLAN", help="Name of the plan, @FILE with an item, or - for stdin.")],
    words: Annotated[list[str] | None, typer.Argument(metavar="ARG|NAME=VALUE", help="Arguments of the plan.")] = None,
    devices: Detectors = None,
    meta: Annotated[list[str] | None, typer.Option("--meta", metavar="NAME=VALUE", help="Kept with the item.")] = None,
    user: User = None,
    group: UserGroup = DEFAULT_GROUP,
    wait: Wait = False,
    lock_key: LockKey = None,
) -> int:
    """Run a plan at once, beside the queue, and print its uid; it is run once and never put back.

    For example: execute --wait mv motor1 3. Refused while the queue or another plan runs.
    """
    item = _read_item(name, words or [], devices or [], meta)
    reply = session.request("queue_item_execute", {"item": item, **who(user, group), "lock_key": lock_key})
    uid = reply["item"]["item_uid"]
    if wait:
        return waiting.items_ended(session, [reply["item"]])
    session.show(reply, lambda: _confirm_added(uid, f"Running {describe_call(reply['item'])}", None))
    return 0


def add_batch(
    session: LaneSession,
    file: Annotated[str, typer.Argument(metavar="FILE", help="YAML or JSON with a list of items, or - for stdin.")],
    pos: Position = None,
    before: Before = None,
    after: After = None,
    user: User = None,
    group: UserGroup = DEFAULT_GROUP,
    wait: Wait = False,
    lock_key: LockKey = None,
) -> int:
    """Add several items together, all or none, and print their uids."""
    source = file.removeprefix("@")
    items = items_of(read_document(source), source)
    params = {"items": items, **_place(pos, before, after), **who(user, group), "lock_key": lock_key}
    reply = session.request("queue_item_add_batch", params)
    uids = [item["item_uid"] for item in reply["items"]]
    if wait:
        render.say(f"Added {len(uids)} items.")
        return waiting.items_ended(session, reply["items"])
    session.show(reply, lambda: _confirm_added("\n".join(uids), f"Added {len(uids)} items", reply["qsize"]))
    return 0


def get(session: LaneSession, target: Target) -> None:
    """Show one item of the queue."""
    reply = session.request("queue_item_get", _find(session, target))
    session.show(reply, lambda: render.print_json(reply["item"]))


def update(
    session: LaneSession,
    target: Target,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="ARG|NAME=VALUE", help="New arguments, @FILE with the whole item, or - for stdin."),
    ] = None,
    devices: Detectors = None,
    replace: Annotated[bool, typer.Option("--replace", help="Give the item a new uid.")] = False,
    user: User = None,
    group: UserGroup = DEFAULT_GROUP,
    lock_key: LockKey = None,
) -> None:
    """Change an item that is in the queue; it keeps its place.

    NAME=VALUE changes this keyword argument only; positional arguments replace all those of the item.
    """
    old = session.request("queue_item_get", _find(session, target))["item"]
    item = {**_changed(old, words or [], devices or []), "item_uid": old["item_uid"]}
    params = {"item": item, "replace": replace, **who(user, group), "lock_key": lock_key}
    reply = session.request("queue_item_update", params)
    session.show(reply, lambda: _confirm_added(reply["item"]["item_uid"], f"Now {describe_call(reply['item'])}", None))


def move(
    session: LaneSession,
    target: Target,
    destination: Annotated[str | None, typer.Argument(metavar="POS", help="front, back, or an index.")] = None,
    before: Before = None,
    after: After = None,
    user: User = None,
    lock_key: LockKey = None,
) -> None:
    """Move an item to another place."""
    place = _place(destination, before, after)
    if "pos" in place:
        place["pos_dest"] = place.pop("pos")
    if not place:
        raise ParameterError("Where to? Name a position, or --before or --after with a uid.", field="POS")
    reply = session.request("queue_item_move", {**_find(session, target), **place, **claim(user), "lock_key": lock_key})
    session.show(reply, lambda: render.say(f"Moved {describe_call(reply['item'])}."))


def remove(session: LaneSession, target: Target, user: User = None, lock_key: LockKey = None) -> None:
    """Remove an item from the queue."""
    reply = session.request("queue_item_remove", {**_find(session, target), **claim(user), "lock_key": lock_key})
    session.show(reply, lambda: render.say(f"Removed {describe_call(reply['item'])}; {reply['qsize']} are left."))


def hold(
    session: LaneSession,
    target: Target,
    reason: Annotated[str | None, typer.Option("-m", "--reason", help="Why; shown with the item.")] = None,
    user: User = None,
    lock_key: LockKey = None,
) -> None:
    """Hold an item: it keeps its place, and the queue does not go past it."""
    params = {"uid": find_uid(session, target), "reason": reason, **claim(user), "lock_key": lock_key}
    reply = session.request("queue_item_hold", params)
    session.show(reply, lambda: render.say(f"Held {describe_call(reply['item'])}."))


def release(session: LaneSession, target: Target, user: User = None, lock_key: LockKey = None) -> None:
    """Release a held item."""
    reply = session.request(
        "queue_item_release", {"uid": find_uid(session, target), **claim(user), "lock_key": lock_key}
    )
    session.show(reply, lambda: render.say(f"Released {describe_call(reply['item'])}."))


def _read_item(name: str, words: list[str], devices: list[str], meta: list[str] | None = None) -> dict[str, Any]:
    if name == "-" or name.startswith("@"):
        if words or devices:
            raise ParameterError(f"{name} holds the whole item; leave the arguments out.", field=name)
        source = name.removeprefix("@")
        item = item_of(read_document(source), source)
    else:
        args, kwargs = read_call(words, devices)
        item = {"item_type": "plan", "name": name, "args": args, "kwargs": kwargs}
    return {**item, "meta": {**(item.get("meta") or {}), **read_keywords(meta)}} if meta else item


def _changed(old: dict[str, Any], words: list[str], devices: list[str]) -> dict[str, Any]:
    if len(words) == 1 and (words[0] == "-" or words[0].startswith("@")):
        return _read_item(words[0], [], devices)
    args, kwargs = read_call(words, devices)
    if not args and not kwargs:
        raise ParameterError("Nothing to change: give arguments, NAME=VALUE, @FILE or -.", field="ARG")
    return {**old, "args": args or old.get("args", []), "kwargs": {**(old.get("kwargs") or {}), **kwargs}}


def _place(pos: str | None, before: str | None, after: str | None) -> dict[str, Any]:
    given = {"pos": pos, "before_uid": before, "after_uid": after}
    place: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if len(place) > 1:
        raise ParameterError("Name one place only: a position, --before or --after.", field="pos")
    if pos is not None and pos not in {"front", "back"}:
        place["pos"] = _read_index(pos)
    return place


def _read_index(text: str) -> int:
    value = read_value(text)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ParameterError(f"A position is front, back or a whole number, not {text!r}.", field="pos")
    return value


def _find(session: Session, target: str) -> dict[str, Any]:
    """Return the parameters that name an item; the beginning of a uid is looked up in the queue."""
    if target in {"front", "back"}:
        return {"pos": target}
    if target.removeprefix("-").isdigit() and len(target) < 8:
        return {"pos": int(target)}
    if len(target) == _UID_LENGTH:
        return {"uid": target}
    items = session.request("queue_get")["items"]
    uids = [item["item_uid"] for item in items if item["item_uid"].startswith(target)]
    if len(uids) > 1:
        raise ParameterError(f"{len(uids)} items begin with {target!r}; give more of the uid.", field="ITEM")
    if not uids:
        raise NotFoundError(f"No item of the queue begins with {target!r}; 'cuelight queue list' shows them.")
    return {"uid": uids[0]}


def find_uid(session: Session, target: str) -> str:
    """Return the uid of an item of the queue that a word names.

    Raises:
        NotFoundError: there is no such item.
        ParameterError: the word is the beginning of several uids.
    """
    found = _find(session, target)
    if "uid" not in found:
        found = {"uid": session.request("queue_item_get", found)["item"]["item_uid"]}
    return found["uid"]


def _confirm_added(data: str, said: str, size: int | None) -> None:
    render.print_line(data)
    render.say(f"{said}." if size is None else f"{said}; the queue has {size}.")
