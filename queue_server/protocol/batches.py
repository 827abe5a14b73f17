"""Records of batches, and the ids of their items. They know no store and no queue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID, uuid5

from msgspec import Struct

LONGEST_NAME: Final = 512

# Fixed for ever: from them and the id of a batch follow the ids of its items and submissions.
_ITEMS: Final = UUID("6f0f3f2c-0b1e-5d0a-9c55-1d8a7f4b2e60")
_SUBMISSIONS: Final = UUID("0b6f3c85-51c4-5e0b-8a3e-a06a3b2f1d17")


class Batch(Struct, frozen=True):
    """Items that were created together. ``created`` is in seconds since 1970-01-01 UTC."""

    id: str
    name: str
    project: str
    owner: str
    workflow: str
    lane: str
    size: int
    created: float

    def shown(self, counts: Mapping[str, int] | None = None) -> dict[str, Any]:
        """Return the map that clients see; ``counts`` says how many of its items are in which state."""
        return {
            "id": self.id,
            "name": self.name,
            "project": self.project,
            "owner": self.owner,
            "workflow_id": self.workflow or None,
            "lane": self.lane,
            "created": self.created,
            "size": self.size,
            "counts": None if counts is None else dict(counts),
            "is_held": None if counts is None else counts.get("held", 0) > 0 and not counts.get("queued", 0),
        }


def item_ids(batch: str, count: int) -> list[str]:
    """Return the ids of the items of a batch in order; the same for the same batch, and none like those of another."""
    return _number(uuid5(_ITEMS, batch), count)


def submission_uids(batch: str, count: int) -> list[str]:
    """Return the uids of the submissions of a batch in order, likewise."""
    return _number(uuid5(_SUBMISSIONS, batch), count)


def _number(name: UUID, count: int) -> list[str]:
    # The place stands in the last 48 bits, where an index has neighbours side by side: random ids in a large table
    # would make a store write a page for each.
    beginning = str(name)[:-12]
    return [f"{beginning}{ordinal:012x}" for ordinal in range(count)]
