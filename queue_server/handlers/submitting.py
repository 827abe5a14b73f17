"""Work that is followed: the steps of a workflow made into items, queued together with the record of the submission."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from queue_server.core import edits
from queue_server.handlers.after import Earlier
from queue_server.handlers.batch_lanes import choose_own_lane, split_by_lane
from queue_server.handlers.context import TurnContext
from queue_server.handlers.graph_lane import find_graph_lane
from queue_server.handlers.items import ADDED_HELD, insert_items
from queue_server.handlers.new_items import make_item
from queue_server.protocol.errors import NotFoundError, ParameterError
from queue_server.protocol.items import DAG, Item
from queue_server.protocol.methods.items import ItemBatchParams
from queue_server.protocol.submissions import Submission
from queue_server.protocol.workflows import WorkflowFields, fill

_MOST_UIDS_SHOWN = 100


class Order(Struct, frozen=True):
    """Who submits, for which lane (None: that of the workflow, else the one in which an item goes alone), and how."""

    user: str
    user_group: str
    lane: str | None = None
    held: bool = False


class Piece(Struct, frozen=True):
    """A submission with its items in order; the last one is the submission's own."""

    items: Sequence[Item]
    submission: Submission

    @property
    def steps(self) -> list[str]:
        """The uids of the items before the last one."""
        return [item.uid for item in self.items[:-1]]


def make_items(
    context: TurnContext, workflow: WorkflowFields, values: Mapping[str, object], order: Order
) -> list[Item]:
    """Return the items of a workflow that is filled with values, each of them checked; nothing is queued.

    Args:
        context: of the turn.
        workflow: what is filled.
        values: checked arguments, defaults included.
        order: who submits, and for which lane.

    Raises:
        ParameterError: a filled step cannot be executed; the message tells which one, and why.
    """
    earlier = Earlier()
    for index, step in enumerate(fill(workflow, values)):
        try:
            own = choose_step_lane(context, step, order.lane or workflow.lane)
            item = make_item(own, step, order.user, order.user_group, earlier=earlier)
        except ParameterError as error:
            if len(workflow.steps) == 1:
                raise
            raise ParameterError(
                f"Step {index + 1} of {len(workflow.steps)}: {error.message}", field=error.field, details=error.details
            ) from error
        earlier.note(replace(item, state="held", reason=ADDED_HELD) if order.held else item)
    return list(earlier.items.values())


def choose_step_lane(context: TurnContext, step: Mapping[str, Any], lane: str | None) -> TurnContext:
    """Return the context in which a step is added: its own lane, else ``lane``; graphs need a lane of graphs.

    Raises:
        ParameterError: there is no such lane.
    """
    graph_lanes = context.desk.resources.graph_lanes
    if step.get("lane") is not None:
        return choose_own_lane(context, None, step)
    if step.get("item_type") == DAG and lane not in graph_lanes:
        return replace(context, lane=find_graph_lane(graph_lanes))
    if lane is None:
        return context
    try:
        return replace(context, lane=context.turn.state.lane(lane).name)
    except NotFoundError as error:
        raise ParameterError(error.message, field="lane") from error


def queue_pieces(
    context: TurnContext,
    pieces: Sequence[Piece],
    place: ItemBatchParams,
    batch_id: str = "",
    note: Callable[[], None] = lambda: None,
) -> None:
    """Queue submissions side by side, and follow them: all or, if it raises, what the turn undoes.

    The event tells the batch, if they are one, and the first uids. ``note`` is called before the first may start.

    Raises:
        RefusedError: a queue is full, or there is no such place.
        ParameterError: the items go to several lanes, and the place is one in a single lane.
    """
    parts = split_by_lane(context, [item for piece in pieces for item in piece.items], place)
    for lane, part in parts:
        insert_items(lane, part, place)
    context.turn.tx.add_submissions([piece.submission for piece in pieces])
    note()
    # Everything is there before the first may start.
    for lane, part in parts:
        uids = [item.uid for item in part[:_MOST_UIDS_SHOWN]]
        lane.edit(edits.added(part), len(part), batch_id=batch_id, items=len(part), item_uids=uids)
