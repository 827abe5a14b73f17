"""Edits of a queue as values: what one event has changed, and what it takes to take that back. It performs nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Literal, cast

from msgspec import Struct

from queue_server.protocol.items import Item

# Made once: an ordinary add passes here.
_ENCODER = json.JSONEncoder(separators=(",", ":"))

Change = Literal["added", "removed", "moved", "replaced", "undone", "too_large"]
Neighbours = tuple[str | None, str | None]

MOST_ITEMS_REMEMBERED = 10_000
"""Items of one edit whose old content is kept; reading more of them would hold up everybody else."""
MOST_UNDO_BYTES = 4 * 1024 * 1024
"""The largest size of what is kept of one edit."""


class Stretch(Struct, frozen=True):
    """Items that stood side by side, and between whom; None is the end of the queue."""

    uids: tuple[str, ...]
    follows: str | None = None
    precedes: str | None = None


class Edit(Struct, frozen=True):
    """What changed: the items by the uids that they have since, how they were before, and where they stood.

    ``added`` and ``moved`` need no old content, ``added`` and ``replaced`` no old places. ``replaced`` stands for
    every change of an item at its place; holding and releasing are such. ``undone`` marks an undo, and ``too_large``
    an edit of which nothing is kept.
    """

    change: Change
    uids: tuple[str, ...] = ()
    items: tuple[Item, ...] = ()
    stretches: tuple[Stretch, ...] = ()

    @property
    def touched(self) -> set[str]:
        """The uids that the items have, or had, before and after."""
        return {*self.uids, *(item.uid for item in self.items)}


UNDONE = Edit("undone")
TOO_LARGE = Edit("too_large")


def added(items: Iterable[Item]) -> Edit:
    """Return the edit that put items into the queue."""
    return Edit("added", tuple(item.uid for item in items))


def removed(items: Iterable[Item], neighbours: Mapping[str, Neighbours] | None) -> Edit:
    """Return the edit that took items out of the queue; ``neighbours`` were theirs, None if they are too many."""
    if neighbours is None:
        return TOO_LARGE
    return Edit("removed", items=tuple(items), stretches=stretches_of(neighbours))


def cleared(items: Iterable[Item] | None) -> Edit:
    """Return the edit that took all items, given in their order, out of the queue; None if they are too many."""
    if items is None:
        return TOO_LARGE
    gone = tuple(items)
    return Edit("removed", items=gone, stretches=(Stretch(tuple(item.uid for item in gone)),))


def moved(neighbours: Mapping[str, Neighbours] | None) -> Edit:
    """Return the edit that moved items; ``neighbours`` were theirs before, None if they are too many."""
    if neighbours is None:
        return TOO_LARGE
    return Edit("moved", tuple(neighbours), stretches=stretches_of(neighbours))


def replaced(uid: str, old: Item) -> Edit:
    """Return the edit that changed ``old``, which has since the uid ``uid``."""
    return Edit("replaced", (uid,), (old,))


def replaced_all(olds: Iterable[Item]) -> Edit:
    """Return the edit that changed items which have kept their uids; if there are too many, nothing is kept of it."""
    items = tuple(olds)
    return (
        TOO_LARGE if len(items) > MOST_ITEMS_REMEMBERED else Edit("replaced", tuple(each.uid for each in items), items)
    )


def stretches_of(neighbours: Mapping[str, Neighbours]) -> tuple[Stretch, ...]:
    """Return items as stretches, each as long as possible, so that the ends of none are among the items."""
    found: list[Stretch] = []
    for uid, (follows, _) in neighbours.items():
        if follows in neighbours:
            continue
        uids = [uid]
        while (following := neighbours[uids[-1]][1]) in neighbours:
            uids.append(cast("str", following))
        found.append(Stretch(tuple(uids), follows, following))
    return tuple(found)


def encode_edit(edit: Edit) -> str:
    """Return an edit as text; that of a larger one than is kept says only that it is."""
    document: dict[str, Any] = {"change": edit.change}
    if edit.uids:
        document["uids"] = edit.uids
    if edit.items:
        document["items"] = [
            (item.uid, item.lane, item.submission, item.content, item.state, item.attempt, item.reason)
            for item in edit.items
        ]
    if edit.stretches:
        document["stretches"] = [(each.uids, each.follows, each.precedes) for each in edit.stretches]
    text = _ENCODER.encode(document)
    return text if len(text) <= MOST_UNDO_BYTES else TOO_LARGE_TEXT


def decode_edit(text: str) -> Edit:
    """Return the edit that was encoded as ``text``."""
    document: dict[str, Any] = json.loads(text)
    return Edit(
        document["change"],
        tuple(document.get("uids", ())),
        tuple(Item(*row) for row in document.get("items", ())),
        tuple(Stretch(tuple(uids), *ends) for uids, *ends in document.get("stretches", ())),
    )


TOO_LARGE_TEXT = encode_edit(TOO_LARGE)
