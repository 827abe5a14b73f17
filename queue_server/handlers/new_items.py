"""What a client submits, checked and made into an item."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

import orjson

from queue_server.access import validate_item
from queue_server.access.acquisition import validate_acquisition
from queue_server.access.names import require_name
from queue_server.engine import exam_progress
from queue_server.handlers.after import Earlier, link
from queue_server.handlers.context import TurnContext
from queue_server.protocol.errors import ParameterError
from queue_server.protocol.items import ACQUISITION, DAG, PUBLIC_KEYS, Item

MOST_FITTING = 100
"""Different contents of a batch that are remembered as fitting."""


def require_user(user: str | None, group_name: str | None) -> str:
    """Return the user group of a request that says who asks.

    Raises:
        ParameterError: it does not, or the name is none.
    """
    if group_name is None:
        raise ParameterError("Incorrect request format: user group is not specified", field="user_group")
    if user is None:
        raise ParameterError("Incorrect request format: user name is not specified", field="user")
    require_name(user, "user")
    return group_name


def require_item(content: object) -> Mapping[str, Any]:
    """Return the map that describes an item.

    Raises:
        ParameterError: there is none, or it is no map.
    """
    if content is None:
        raise ParameterError("Incorrect request format: request contains no item info", field="item")
    if not isinstance(content, dict):
        raise ParameterError(
            f"Incorrect request format: an item must be a map, not {type(content).__name__}", field="item"
        )
    return cast("dict[str, Any]", content)


def make_item(
    context: TurnContext,
    content: object,
    user: str,
    group_name: str,
    *,
    uid: str | None = None,
    earlier: Earlier | None = None,
) -> Item:
    """Return a new item of a new submission; without ``uid`` it gets a new one.

    ``earlier`` are the items before it, if it is one of a batch.

    Raises:
        ParameterError: the item does not fit its plan, the group may not run it, or what it comes after is not there.
    """
    checked = link(context, require_item(content), earlier)
    if earlier is None:
        validate_content(context, checked, group_name)
    else:
        _validate_once(context, checked, group_name, earlier.fitting)
    uid = uid or context.turn.chance.identifier()
    public = {name: checked[name] for name in PUBLIC_KEYS if name in checked}
    public |= {"item_uid": uid, "user": user, "user_group": group_name}
    if isinstance(public.get("properties"), dict):
        # Only the manager says that an item runs beside the queue, or for which exam task.
        known = exam_progress.without_link(cast("dict[str, Any]", public["properties"]))
        public["properties"] = {name: value for name, value in known.items() if name != "immediate_execution"}
    return Item(uid, context.lane, uid, public)


def _validate_once(
    context: TurnContext, item: Mapping[str, Any], group_name: str, fitting: set[tuple[str, bytes]]
) -> None:
    """Check what an item asks for, unless one with the same content is among those that fit."""
    try:
        text = orjson.dumps(item)
    except TypeError:
        # It is not JSON; what of it fits is for others to say.
        text = b"null"
    known = (context.lane, text)
    if known not in fitting:
        validate_content(context, item, group_name)
        # Null stands for numbers that are not finite as well.
        if b"null" not in text and len(fitting) < MOST_FITTING:
            fitting.add(known)


def validate_content(context: TurnContext, item: Mapping[str, Any], group_name: str) -> None:
    """Check what an item asks for against what the lane of the context executes.

    Raises:
        ParameterError: the item does not fit it, or the group may not have it executed.
    """
    catalog = context.desk.resources.catalog_of(context.lane)
    is_remote = context.turn.state.lane(context.lane).is_remote
    if is_remote or item.get("item_type") == ACQUISITION:
        validate_acquisition(item, catalog, group_name, is_remote=is_remote)
    else:
        validate_item(item, catalog, group_name)


def begin_exam_tasks(context: TurnContext, items: Iterable[Item]) -> None:
    """Give the acquisitions and graphs among new items the exam tasks that they do.

    Raises:
        ParameterError: an exam task is not there, is a template, or is done by another kind of item.
        StateError: an exam task has an item that waits or is active.
    """
    for item in items:
        if item.kind in (ACQUISITION, DAG):
            exam_progress.begin(context.turn.tx, item, context.turn.now)
