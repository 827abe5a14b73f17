"""Handler of the check of items that are not added."""

from __future__ import annotations

from typing import Any, cast

from queue_server.handlers.after import Earlier, link
from queue_server.handlers.batch_lanes import choose_own_lane
from queue_server.handlers.context import TurnContext
from queue_server.handlers.group import group
from queue_server.handlers.new_items import require_item, validate_content
from queue_server.protocol.errors import ParameterError
from queue_server.protocol.items import Item
from queue_server.protocol.methods.validation import ValidateParams, Verdicts


def validate_items(context: TurnContext, params: ValidateParams) -> Verdicts:
    """Check items against the plans and graphs as they are now, each for the lane to which it would be added."""
    context.desk.resources.catalog_of(context.lane).for_group(params.user_group)
    earlier = Earlier()
    results: list[dict[str, Any]] = []
    for content in params.items:
        results.append(_judge(context, content, params, earlier))
        earlier.note(_stand_in(content, len(earlier.uids)))
    return Verdicts(results, all(result["valid"] for result in results))


def _stand_in(content: object, index: int) -> Item:
    """Return what an item would be that a later one may come after, as in a batch."""
    kept = cast("dict[str, Any]", content) if isinstance(content, dict) else {}
    return Item(f"item {index}", "", "", kept)


def _judge(context: TurnContext, content: object, params: ValidateParams, earlier: Earlier) -> dict[str, Any]:
    try:
        own = choose_own_lane(context, params.lane, content)
        validate_content(own, link(own, require_item(content), earlier), params.user_group)
    except ParameterError as error:
        errors = error.details.get("errors", [{"field": error.field, "given": "", "accepted": str(error)}])
        return {"valid": False, "msg": str(error), "errors": errors}
    return {"valid": True, "msg": "", "errors": []}


GROUP = group(turn={"item_validate": validate_items})
