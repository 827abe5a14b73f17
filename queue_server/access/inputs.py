"""Inputs of a graph that name a file by the item that produces it: whether they are well formed, and what they mean.

Whether there is such an item is asked elsewhere, and whether it has such a file only when it is completed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from msgspec import Struct, field

from queue_server.access.field_error import FieldError, show_value
from queue_server.protocol.inputs import LONGEST_PATTERN

Inputs = Mapping[str, Mapping[str, Any]]
"""The inputs of a graph as it is described: by name, each with ``several``."""

_SOME_ID = "0" * 64
"""What stands for an artifact that is not known yet."""
_KEYS = frozenset({"item_uid", "item", "file"})
_FORM = "the id of an artifact, or a map of 'item_uid' (in a batch also 'item', an index) and 'file'"


class Linked(Struct):
    """The arguments of a graph with the uids of the items that its inputs name, in order, and what is wrong with them.

    ``earlier`` has the uids of the items of the same batch that come before it, None for one that is not accepted.
    """

    earlier: Sequence[str | None]
    kwargs: dict[str, object] = field(default_factory=dict[str, object])
    uids: list[str] = field(default_factory=list[str])
    errors: list[FieldError] = field(default_factory=list[FieldError])

    @classmethod
    def read(cls, kwargs: Mapping[str, object], inputs: Inputs, earlier: Sequence[str | None]) -> Linked:
        """Return the arguments as they are queued: an input that takes several files has a list of references."""
        linked = cls(earlier)
        for name, value in kwargs.items():
            linked.kwargs[name] = linked._read_input(name, value, inputs[name]) if name in inputs else value
        return linked

    def find_uid(self, value: object, path: str) -> str | None:
        """Return the uid of the item that an index means; None if it means none, which is then an error."""
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(self.earlier):
            uid = self.earlier[value]
            if uid is None:
                self.errors.append(FieldError(path, show_value(value), "an item of the batch that is itself accepted"))
            return uid
        accepted = f"the index of an earlier item of the batch, 0 to {len(self.earlier) - 1}"
        if not self.earlier:
            accepted = "the uid of an item; an index only where earlier items stand in the same batch"
        self.errors.append(FieldError(path, show_value(value), accepted))
        return None

    def _read_input(self, name: str, value: object, described: Mapping[str, Any]) -> object:
        path = f"item.kwargs.{name}"
        if isinstance(value, list):
            each = enumerate(cast("list[object]", value))
            return [self._read_reference(entry, f"{path}[{index}]") for index, entry in each]
        read = self._read_reference(value, path)
        return [read] if isinstance(value, dict) and described.get("several") else read

    def _read_reference(self, value: object, path: str) -> object:
        if not isinstance(value, dict):
            return value
        given = cast("dict[str, object]", value)
        if given.keys() - _KEYS or ("item_uid" in given) == ("item" in given):
            self.errors.append(FieldError(path, show_value(given), _FORM))
            return given
        uid = given.get("item_uid")
        if "item" in given:
            uid = self.find_uid(given["item"], f"{path}.item")
        elif not isinstance(uid, str) or not uid:
            self.errors.append(FieldError(f"{path}.item_uid", show_value(uid), "the uid of an item"))
        file = given.get("file")
        if file is not None and not (isinstance(file, str) and 1 <= len(file) <= LONGEST_PATTERN):
            accepted = f"the name of a file, or a pattern of names, of 1 to {LONGEST_PATTERN} characters"
            self.errors.append(FieldError(f"{path}.file", show_value(file), accepted))
        if isinstance(uid, str):
            self.uids.append(uid)
        return {"item_uid": uid} if file is None else {"item_uid": uid, "file": file}


def stand_in(kwargs: Mapping[str, object], inputs: Inputs) -> Mapping[str, object]:
    """Return the arguments of a graph as they may be once its references are the ids of artifacts."""
    return {name: _stand_in(value) if name in inputs else value for name, value in kwargs.items()}


def _stand_in(value: object) -> object:
    if isinstance(value, list):
        return [_stand_in(each) for each in cast("list[object]", value)]
    is_reference = isinstance(value, dict) and "item_uid" in cast("dict[str, object]", value)
    return _SOME_ID if is_reference else cast("object", value)
