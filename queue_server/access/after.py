"""Which items an item comes after, as a client says it: whether the list is one, and the uids that it means.

Whether there are such items, and what has become of them, is asked elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from queue_server.access.field_error import FieldError, join_errors, show_value
from queue_server.access.graphs import Graphs
from queue_server.access.inputs import Linked
from queue_server.access.shapes import list_items
from queue_server.protocol.items import MOST_PREDECESSORS

_LABEL = "What the item comes after does not fit"
_ACCEPTED = f"a list of at most {MOST_PREDECESSORS} uids of items (in a batch also indices of earlier items)"


def link_item(item: Mapping[str, Any], graphs: Graphs, earlier: Sequence[str | None] = ()) -> Mapping[str, Any]:
    """Return an item as it is queued: it comes after items by their uids, those among them whose files it takes.

    Args:
        item: what a client has sent.
        graphs: the descriptions of the graphs of its lane.
        earlier: the uids of the items before it in the same batch, None for one that is not accepted.

    Raises:
        ParameterError: the list, or a reference to a file, has a wrong form. ``details["errors"]`` is a list of
            ``{field, given, accepted}``.
    """
    kind = item.get("item_type")
    if "after" not in item and kind != "dag":
        return item
    linked = _read_inputs(item, graphs, earlier) if kind == "dag" else Linked(earlier)
    named = _read_after(item.get("after"), linked)
    uids = list(dict.fromkeys((*named, *linked.uids)))
    if kind == "instruction" and uids:
        linked.errors.append(FieldError("item.after", show_value(uids), "nothing: an instruction waits for no item"))
    if len(uids) > MOST_PREDECESSORS:
        linked.errors.append(FieldError("item.after", f"{len(uids)} items in all", _ACCEPTED))
    if linked.errors:
        raise join_errors(_LABEL, linked.errors)
    changed = {name: value for name, value in item.items() if name != "after"}
    if linked.kwargs:
        changed["kwargs"] = linked.kwargs
    return {**changed, "after": uids} if uids else changed


def _read_inputs(item: Mapping[str, Any], graphs: Graphs, earlier: Sequence[str | None]) -> Linked:
    name, kwargs = item.get("name"), item.get("kwargs")
    described = graphs.get(name) if isinstance(name, str) else None
    if described is None or not isinstance(kwargs, Mapping):
        return Linked(earlier)
    return Linked.read(cast("Mapping[str, object]", kwargs), described.get("inputs") or {}, earlier)


def _read_after(given: object, linked: Linked) -> list[str]:
    if given is None:
        return []
    entries = list_items(given)
    if entries is None or len(entries) > MOST_PREDECESSORS:
        linked.errors.append(FieldError("item.after", show_value(given), _ACCEPTED))
        return []
    uids: list[str | None] = []
    for index, entry in enumerate(entries):
        uids.append(entry if isinstance(entry, str) and entry else linked.find_uid(entry, f"item.after[{index}]"))
    return [uid for uid in uids if uid is not None]
