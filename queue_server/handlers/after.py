"""Whether the items exist that a new or changed item comes after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from queue_server.access.after import link_item
from queue_server.handlers.context import TurnContext
from queue_server.protocol.errors import ParameterError
from queue_server.protocol.items import Item

_FORM = "Give the uids of plans, acquisitions or graphs that are in a queue, running, or in the history."


class Earlier(Struct):
    """The items before one of a batch: their uids in order, None for one that was refused, and those that were not.

    ``fitting`` are lanes with contents, encoded, that were found to fit: in many batches all are the same but for uids.
    """

    uids: list[str | None] = field(default_factory=list[str | None])
    items: dict[str, Item] = field(default_factory=dict[str, Item])
    fitting: set[tuple[str, bytes]] = field(default_factory=set[tuple[str, bytes]])

    def note(self, item: Item | None) -> None:
        """Note the next item of the batch, None if it was refused."""
        self.uids.append(None if item is None else item.uid)
        if item is not None:
            self.items[item.uid] = item


def link(context: TurnContext, content: Mapping[str, Any], earlier: Earlier | None = None) -> Mapping[str, Any]:
    """Return an item as it is queued, with uids in the place of indices.

    Args:
        context: says in which lane it is queued.
        content: what a client has sent.
        earlier: the items before it, if it is one of a batch.

    Raises:
        ParameterError: what it comes after, or a file that it takes, has a wrong form or does not exist.
    """
    graphs = context.desk.resources.catalog_of(context.lane).dags_existing
    linked = link_item(content, graphs, () if earlier is None else earlier.uids)
    after = linked.get("after")
    if after:
        _require_predecessors(context, after, {} if earlier is None else earlier.items)
    return linked


def _require_predecessors(context: TurnContext, after: Sequence[str], added: Mapping[str, Item]) -> None:
    for index, uid in enumerate(after):
        item = added.get(uid) or context.turn.tx.item(uid)
        if item is None:
            raise _refuse(index, f"There is no item {uid!r} to come after.", missing=uid)
        if item.kind == "instruction":
            raise _refuse(index, f"The item {uid!r} is an instruction, which is never completed.")


def refuse_itself(context: TurnContext, item: Item) -> None:
    """Refuse an item that comes after itself, or after what it is a copy of.

    Raises:
        ParameterError: it does.
    """
    for index, uid in enumerate(item.content.get("after", ())):
        named = context.turn.tx.item(uid)
        if named is not None and named.submission == item.submission:
            raise _refuse(index, "An item cannot come after itself, nor after what it is a copy of.")


def _refuse(index: int, text: str, **details: Any) -> ParameterError:
    return ParameterError(f"'item.after[{index}]': {text} {_FORM}", field=f"item.after[{index}]", details=details)
