"""In which lane each item of a batch is added: that of the request, else its own, else where it would go alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, cast

from msgspec.structs import replace

from queue_server.handlers.context import TurnContext
from queue_server.handlers.graph_lane import choose_lane
from queue_server.protocol.errors import NotFoundError, ParameterError
from queue_server.protocol.items import Item
from queue_server.protocol.methods.items import ItemBatchParams


def choose_common_lane(context: TurnContext, lane: str | None, contents: Sequence[object]) -> TurnContext:
    """Return the context of the lane whose size the reply tells: that of the items which name none.

    Raises:
        ParameterError: they are graphs, and there is not exactly one lane for them.
    """
    return choose_lane(context, lane, [content for content in contents if _named_lane(content) is None])


def choose_own_lane(context: TurnContext, lane: str | None, content: object) -> TurnContext:
    """Return the context in which one item of a batch is added; ``lane`` is that of the request.

    Raises:
        ParameterError: there is no lane of the name that the item gives, or it is a graph without a lane.
    """
    named = _named_lane(content)
    if lane is not None:
        return context
    if named is None:
        return choose_lane(context, None, [content])
    if not isinstance(named, str):
        raise ParameterError(f"'item.lane' is the name of a lane, not {named!r}.", field="item.lane")
    try:
        return replace(context, lane=context.turn.state.lane(named).name)
    except NotFoundError as error:
        raise ParameterError(error.message, field="item.lane") from error


def split_by_lane(
    context: TurnContext, items: Sequence[Item], params: ItemBatchParams
) -> list[tuple[TurnContext, list[Item]]]:
    """Return the items of each lane in their order, with the context in which they are added there.

    Raises:
        ParameterError: they go to several lanes, and a place is given that exists in one of them only.
    """
    parts: dict[str, list[Item]] = {}
    for item in items:
        parts.setdefault(item.lane, []).append(item)
    if len(parts) > 1:
        _refuse_single_place(params, parts)
    return [(replace(context, lane=lane), part) for lane, part in parts.items()]


def _refuse_single_place(params: ItemBatchParams, lanes: Iterable[str]) -> None:
    given = {"pos": params.pos, "before_uid": params.before_uid, "after_uid": params.after_uid}
    for field, value in given.items():
        if value is not None and value not in ("front", "back"):
            raise ParameterError(
                f"{field!r} is a place in one lane, and the items go to {', '.join(sorted(lanes))}: "
                "give 'front' or 'back' (pos), or add them one lane at a time.",
                field=field,
            )


def _named_lane(content: object) -> object:
    return cast("dict[str, Any]", content).get("lane") if isinstance(content, dict) else None
