"""Where an item goes: the documented meaning of positions, turned into one place in a queue of known size."""

from __future__ import annotations

from typing import Literal

from queue_server.protocol.errors import ParameterError
from queue_server.protocol.items import BACK, Place

Position = int | Literal["front", "back"]


def place_new(pos: Position | None, before_uid: str | None, after_uid: str | None, size: int) -> Place:
    """Return where a new item goes in a queue of ``size`` items.

    An index counts the items that stand before the new one; a negative one counts from the back, -1 being the very
    back; beyond either end it means that end.

    Raises:
        ParameterError: more than one place is given.
    """
    _refuse_ambiguity(pos, before_uid, after_uid)
    if before_uid is not None or after_uid is not None:
        return Place(before_uid=before_uid, after_uid=after_uid)
    if pos is None:
        return BACK
    if isinstance(pos, str):
        return Place(pos)
    return Place(max(0, min(size, pos if pos >= 0 else size + pos + 1)))


def index_in(pos: Position, size: int) -> int | None:
    """Return the index of an existing item counted from the front, or None if there is no item at ``pos``."""
    index = {"front": 0, "back": size - 1}.get(pos, pos) if isinstance(pos, str) else pos
    index = int(index) + size if int(index) < 0 else int(index)
    return index if 0 <= index < size else None


def refuse_two_addresses(pos: Position | None, uid: str | None, what: str) -> None:
    """Refuse a request that names an item both by position and by uid.

    Raises:
        ParameterError: both are given.
    """
    if pos is not None and uid is not None:
        raise ParameterError(f"Ambiguous parameters: both position and uid are given for the {what}.", field="pos")


def _refuse_ambiguity(pos: Position | None, before_uid: str | None, after_uid: str | None) -> None:
    if pos is not None and (before_uid is not None or after_uid is not None):
        raise ParameterError("Ambiguous parameters: a position and a neighbouring item are given.", field="pos")
    if before_uid is not None and after_uid is not None:
        raise ParameterError("Ambiguous parameters: before_uid and after_uid are both given.", field="before_uid")


def place_moved(pos_dest: Position | None, before_uid: str | None, after_uid: str | None, *, size: int) -> Place | int:
    """Return where a queued item goes: a neighbour, or the index that it then has.

    Raises:
        ParameterError: no destination is given, more than one, or an index out of range.
    """
    _refuse_ambiguity(pos_dest, before_uid, after_uid)
    if before_uid is not None or after_uid is not None:
        return Place(before_uid=before_uid, after_uid=after_uid)
    if pos_dest is None:
        raise ParameterError(
            "Destination position or UID is not specified: give pos_dest, before_uid or after_uid.", field="pos_dest"
        )
    index = index_in(pos_dest, size)
    if index is None:
        raise ParameterError(f"Index {pos_dest} is out of range: the queue has {size} items.", field="pos_dest")
    return index
