"""Declarations about batches: items created together, atomically and idempotently."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import Field

from queue_server.protocol.answers import RepeatableParams
from queue_server.protocol.batches import LONGEST_NAME
from queue_server.protocol.listing import Roll
from queue_server.protocol.method import LaneLockableParams, LockableParams, Method, Params
from queue_server.protocol.methods.items import Position
from queue_server.protocol.submissions import Processing, SubmissionState

EXAMPLE_ID = "3fa85f64-5717-4562-b3fc-2c963f66afa6"
MOST_OFFSET = 200_000
"""Up to which place a list can be read by an offset; a cursor goes on for ever."""

_BATCH = Field(max_length=128, description="Id of the batch.")
_USER = Field(default=None, max_length=128, description="Name of the person or program that asks.")
_GROUP = Field(default=None, max_length=128, description="Group whose permissions apply.")
_ITEMS = (
    "Each is a map: `item` (as for queue_item_add; with `lane` its own lane) or `arguments` of the workflow, and "
    "optionally `workflow_id`, `reference` (text of the client), `tags` (list of texts), `request` (a map that is kept "
    "as it is), and `cast` (true: arguments that are texts are read as the types that the workflow declares)."
)
_SWEEP = (
    "In place of items, sets of values: `kind` is grid (every combination; the last parameter varies fastest), zip "
    "(the first value of each parameter, then the second of each) or list (the maps in `points`); `parameters` has for "
    "each name a list of values, or {start, stop, num}; `base` is the item, or the arguments of the workflow, into "
    "which the values go. Of an item, `args[2]` names the third argument by position, any other name a keyword."
)


class BatchCreateParams(LaneLockableParams, RepeatableParams):
    """The items, or a sweep that stands for them, and where they go."""

    name: str = Field(default="", max_length=LONGEST_NAME, description="What people call it.")
    project: str = Field(default="", max_length=255, description="The project or proposal that it belongs to.")
    workflow_id: str | None = Field(default=None, max_length=128, description="Workflow of all items that name none.")
    items: list[Any] | None = Field(default=None, description=f"The items in their order. {_ITEMS}")
    sweep: dict[str, Any] | None = Field(default=None, description=_SWEEP)
    pos: Position | None = Field(default=None, description="Index in the queue, 'front' or 'back' (the default).")
    held: bool = Field(default=False, description="True: they are held until the batch is resumed.")
    user: str | None = _USER
    user_group: str | None = _GROUP


class BatchGetParams(Params):
    """Which batch."""

    batch_id: str = _BATCH


class BatchListParams(Params):
    """Which batches."""

    project: str | None = Field(default=None, max_length=255, description="Only those of this project.")
    limit: int = Field(default=100, ge=1, le=1_000, description="Largest number of batches.")
    cursor: str | None = Field(default=None, max_length=64, description="`next_cursor` of the page before.")


class BatchItemsParams(Params):
    """Which items of a batch."""

    batch_id: str = _BATCH
    status: list[Processing] | None = Field(default=None, description="Only those whose creation is so far.")
    state: list[SubmissionState] | None = Field(default=None, description="Only those in one of these states.")
    limit: Annotated[int, Field(ge=1, le=1_000)] = Field(default=100, description="Largest number of items.")
    cursor: str | None = Field(default=None, max_length=64, description="`next_cursor` of the page before.")
    offset: int | None = Field(
        default=None, ge=0, le=MOST_OFFSET, description="In place of a cursor: how many items come before the page."
    )


class BatchItemParams(Params):
    """Which item of which batch."""

    batch_id: str = _BATCH
    item_id: str = Field(max_length=128, description="Id of the item of the batch, or its uid as a submission.")


class BatchEditParams(LockableParams):
    """Which batch, and who asks."""

    batch_id: str = _BATCH
    user: str | None = _USER
    user_group: str | None = _GROUP


class BatchHoldParams(BatchEditParams):
    """Which batch to hold, and why."""

    reason: str = Field(
        default="held with its batch", min_length=1, max_length=500, description="Shown with each item."
    )


class BatchRetryParams(BatchEditParams):
    """Which items of which batch are tried once more."""

    include_unknown: bool = Field(
        default=False,
        description="True: also those of which nobody knows how they ended. Their hardware may have moved.",
    )


@dataclass(frozen=True, slots=True)
class BatchCreated:
    """The batch, the ids of its items in order, and whether this is the answer that was given before."""

    batch: dict[str, Any] = field(default_factory=dict[str, Any])
    items: list[dict[str, Any]] = field(default_factory=Roll)
    is_repetition: bool = False


@dataclass(frozen=True, slots=True)
class BatchShown:
    """The batch, with how many of its items are in which state."""

    batch: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class BatchPage:
    """Batches, the newest first, and the cursor of the next page, if there is one."""

    batches: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class BatchItemPage:
    """Items in their order; with an offset ``total`` counts all that fit, else ``remaining`` those behind the page."""

    items: list[dict[str, Any]] = field(default_factory=Roll)
    next_cursor: str | None = None
    remaining: int | None = None
    total: int | None = None


@dataclass(frozen=True, slots=True)
class BatchItemReply:
    """The item: the submission with all its attempts."""

    submission: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class BatchChange:
    """The batch after the change, how many of its items were changed, and how many of the others are running."""

    batch: dict[str, Any] = field(default_factory=dict[str, Any])
    changed: int = 0
    running: int = 0


_CREATE = "Failed to create the batch: "
# Ten thousand items take a second, and several on a host that has other work.
_PATIENCE_S = 30.0

METHODS = (
    Method(
        name="batch_create",
        summary="Create a batch of items in one transaction, all or none.",
        kind="mutation",
        scope="write:batches",
        route=("POST", "/batches"),
        params=BatchCreateParams,
        result=BatchCreated,
        lock="queue",
        refusal=_CREATE,
        notes="Every item is checked before anything is written; the refusal lists all places that are wrong, at most "
        "100. `details.errors` has them as {field, given, accepted}. The ids are those of the batch item, of the "
        "submission and of the item that waits. With `idempotency`, a repetition within 7 days gets the answer again, "
        "and nothing is done; one that comes before the first has its answer is refused as idempotency_in_progress, "
        "and another request under the key as idempotency_mismatch. Refusals are not kept.",
        patience_s=_PATIENCE_S,
        example={
            "name": "energies",
            "sweep": {
                "kind": "grid",
                "parameters": {"num": [3, 5], "delay": {"start": 0, "stop": 1, "num": 3}},
                "base": {"item_type": "plan", "name": "count", "args": [["det1"]]},
            },
        },
    ),
    Method(
        name="batch_get",
        summary="Return a batch, with how many of its items are in which state.",
        kind="read",
        scope="read:batches",
        route=("GET", "/batch"),
        params=BatchGetParams,
        result=BatchShown,
        refusal="Failed to get the batch: ",
        notes="`is_held` tells that some of its items wait, and all that do are held.",
        example={"batch_id": EXAMPLE_ID},
    ),
    Method(
        name="batch_list",
        summary="Return a page of batches, the newest first.",
        kind="read",
        scope="read:batches",
        route=("GET", "/batches"),
        params=BatchListParams,
        result=BatchPage,
        refusal="Failed to list the batches: ",
        notes="`counts` and `is_held` are null here: `batch_get` counts.",
        example={"project": "demo"},
    ),
    Method(
        name="batch_items",
        summary="Return a page of the items of a batch.",
        kind="read",
        scope="read:batches",
        route=("GET", "/batch/items"),
        params=BatchItemsParams,
        result=BatchItemPage,
        refusal="Failed to list the items of the batch: ",
        notes="Items never change their places in a batch, so that a cursor finds each of them once, whatever becomes "
        "of them meanwhile. A cursor is of one batch.",
        example={"batch_id": EXAMPLE_ID, "state": ["failed", "unknown"]},
    ),
    Method(
        name="batch_item_get",
        summary="Return an item of a batch, with all its attempts.",
        kind="read",
        scope="read:batches",
        route=("GET", "/batch/item"),
        params=BatchItemParams,
        result=BatchItemReply,
        refusal="Failed to get the item of the batch: ",
        example={"batch_id": EXAMPLE_ID, "item_id": EXAMPLE_ID},
    ),
    Method(
        name="batch_cancel",
        summary="Remove from the queue whatever waits of a batch.",
        kind="mutation",
        scope="write:batches",
        route=("POST", "/batch:cancel"),
        params=BatchEditParams,
        result=BatchChange,
        lock="queue",
        refusal="Failed to cancel the batch: ",
        notes="What runs goes on, and `running` counts it. The batch, its items and their results stay readable.",
        patience_s=_PATIENCE_S,
        example={"batch_id": EXAMPLE_ID},
    ),
    Method(
        name="batch_hold",
        summary="Hold whatever waits of a batch: the queue does not go past it.",
        kind="mutation",
        scope="write:batches",
        route=("POST", "/batch:hold"),
        params=BatchHoldParams,
        result=BatchChange,
        lock="queue",
        refusal="Failed to hold the batch: ",
        patience_s=_PATIENCE_S,
        example={"batch_id": EXAMPLE_ID, "reason": "the sample is changed"},
    ),
    Method(
        name="batch_resume",
        summary="Release whatever is held of a batch.",
        kind="mutation",
        scope="write:batches",
        route=("POST", "/batch:resume"),
        params=BatchEditParams,
        result=BatchChange,
        lock="queue",
        refusal="Failed to resume the batch: ",
        patience_s=_PATIENCE_S,
        example={"batch_id": EXAMPLE_ID},
    ),
    Method(
        name="batch_retry",
        summary="Put the items of a batch that have failed at the back of the queue once more.",
        kind="mutation",
        scope="write:batches",
        route=("POST", "/batch:retry"),
        params=BatchRetryParams,
        result=BatchChange,
        lock="queue",
        refusal="Failed to retry the batch: ",
        notes="Failed, aborted and halted ones get another attempt as the same submissions; those whose outcome is "
        "unknown only with `include_unknown`. An item that has a copy in the queue waits already.",
        patience_s=_PATIENCE_S,
        example={"batch_id": EXAMPLE_ID},
    ),
)
