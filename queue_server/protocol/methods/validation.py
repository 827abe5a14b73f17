"""Declaration of the check of items that are not added."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pydantic import Field

from queue_server.protocol.method import LaneParams, Method


class ValidateParams(LaneParams):
    """What to check, and for whom."""

    items: list[Any] = Field(description="Items, each with item_type, name, args, kwargs, meta.", max_length=10_000)
    user_group: str = Field(max_length=128, description="Group whose permissions apply.")


@dataclass(frozen=True, slots=True)
class Verdicts:
    """One verdict for each item, in order: valid, the sentence that says why not, and the fields that are wrong."""

    results: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    valid: bool = False


METHODS = (
    Method(
        name="item_validate",
        summary="Check items without adding them; every wrong field is named.",
        kind="read",
        scope="read:resources",
        route=("POST", "/queue/items:validate"),
        params=ValidateParams,
        result=Verdicts,
        notes="The reply succeeds also if items are wrong; see `valid`.",
    ),
)
