"""The lane of processing graphs that a client did not name: where exactly one lane executes graphs, it is that one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, cast

from msgspec.structs import replace

from queue_server.handlers.context import TurnContext
from queue_server.protocol.errors import ParameterError


def choose_lane(context: TurnContext, lane: str | None, contents: Sequence[object]) -> TurnContext:
    """Return the context in which items are added: graphs for which no lane is named go to the lane of graphs.

    Items of which one is something else stay in the lane default.

    Raises:
        ParameterError: there is no lane of graphs, or there are several.
    """
    if lane is not None or not contents or not all(map(_is_graph, contents)):
        return context
    return replace(context, lane=find_graph_lane(context.desk.resources.graph_lanes))


def find_graph_lane(lanes: Collection[str]) -> str:
    """Return the only one of the lanes that execute graphs.

    Raises:
        ParameterError: there is none, or there are several.
    """
    if not lanes:
        raise ParameterError(
            "No lane executes processing graphs. Start the manager with one, such as --lane compute=graphs:sim.",
            field="lane",
        )
    if len(lanes) > 1:
        raise ParameterError(
            f"Several lanes execute processing graphs: {', '.join(sorted(lanes))}. Name one of them (lane).",
            field="lane",
        )
    return next(iter(lanes))


def _is_graph(content: object) -> bool:
    return isinstance(content, dict) and cast("dict[str, Any]", content).get("item_type") == "dag"
