"""Declarations about taking edits of the queue back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pydantic import Field

from queue_server.protocol.method import Method
from queue_server.protocol.methods.items import EditParams

MOST_STEPS = 100
MOST_EDITS_BACK = 1_000
"""How many of the latest edits are looked at, those that were undone included."""


class UndoParams(EditParams):
    """How many edits to take back, and whose."""

    steps: int = Field(default=1, ge=1, le=MOST_STEPS, description="Number of edits, the latest first.")
    edits_of: str | None = Field(
        default=None, min_length=1, max_length=128, description="Only edits of this user; without it anybody's."
    )
    user: str | None = Field(default=None, max_length=128, description="Name of the person or program that asks.")
    user_group: str | None = Field(
        default=None, max_length=128, description="Group of the person or program that asks."
    )


@dataclass(frozen=True, slots=True)
class Undone:
    """The edits that were taken back, the latest first, the size of the queue, and the uid of its content.

    Each edit has ``seq``, ``kind`` and ``time`` of its event, ``user``, ``name`` of the item if it was one, the number
    of ``items`` and up to 100 ``item_uids``.
    """

    undone: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    qsize: int | None = None
    plan_queue_uid: str = ""


METHODS = (
    Method(
        name="queue_undo",
        summary="Take the latest edits of the queue back, all that are asked for or none.",
        kind="mutation",
        scope="write:queue:edit",
        route=("POST", "/queue/undo"),
        params=UndoParams,
        result=Undone,
        lock="queue",
        refusal="Failed to undo: ",
        notes="Edits are adding, removing, moving, changing, holding and releasing items, alone or as a batch, and "
        "clearing the queue; whoever may edit the queue may undo anybody's. Items get back their content, their state "
        "and their place. It is refused, with the event and the item in `error.details` (`seq`, `kind`, `item_uid`), "
        "if an item of the edit has started since, if its place cannot be told any more, if with `edits_of` somebody "
        "else has changed the item later, and if the edit was too large to be remembered (more than 10,000 items "
        "removed or moved, or 4 MiB; its event then has `too_large_to_undo`). An undo is an event of its own and is "
        "not undone: the next one goes further back, at most over the last 1,000 edits.",
    ),
)
