"""Handler of the check of items that are not added."""

from __future__ import annotations

from typing import Any

from queue_server.access import Catalog, validate_item
from queue_server.handlers.context import TurnContext
from queue_server.handlers.group import group
from queue_server.handlers.submission import require_item
from queue_server.protocol.errors import ParameterError
from queue_server.protocol.methods.validation import ValidateParams, Verdicts


def validate_items(context: TurnContext, params: ValidateParams) -> Verdicts:
    """Check items against the plans as they are now."""
    catalog = context.desk.resources.catalog_of(context.lane)
    catalog.for_group(params.user_group)
    results = [_judge(item, catalog, params.user_group) for item in params.items]
    return Verdicts(results, all(result["valid"] for result in results))


def _judge(item: object, catalog: Catalog, group_name: str) -> dict[str, Any]:
    try:
        validate_item(require_item(item), catalog, group_name)
    except ParameterError as error:
        errors = error.details.get("errors", [{"field": error.field, "given": "", "accepted": str(error)}])
        return {"valid": False, "msg": str(error), "errors": errors}
    return {"valid": True, "msg": "", "errors": []}


GROUP = group(turn={"item_validate": validate_items})
