"""What is queued: items, their states, where they stand, and how an attempt at them ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from msgspec import Struct, field

if TYPE_CHECKING:
    # Whoever only asks for the status is spared pydantic.
    from queue_server.protocol.records import ManifestEntry

ItemKind = Literal["plan", "instruction", "dag", "acquisition"]
ItemState = Literal["queued", "held", "running", "finished"]
Outcome = Literal["completed", "stopped", "aborted", "halted", "failed", "unknown"]
OUTCOMES: tuple[Outcome, ...] = ("completed", "stopped", "aborted", "halted", "failed", "unknown")

EXTRACTION_KEYS = ("result_schema", "outputs")
"""What an item says of its metrics and of the files that are kept; ``protocol.result_schema`` tells how."""

# What a queued item may consist of on the wire; anything else that a client sends is dropped, as its clients expect.
PUBLIC_KEYS = (
    "item_type",
    "name",
    "args",
    "kwargs",
    "meta",
    "item_uid",
    "user",
    "user_group",
    "properties",
    "claims",
    "after",
    *EXTRACTION_KEYS,
)

MOST_CLAIMS = 64
LONGEST_CLAIM = 128
"""How many devices an item may claim by name, and how many characters such a name may have."""

MOST_PREDECESSORS = 64
"""How many items an item may come after."""

DEFAULT_LANE = "default"

ACQUISITION: Final[ItemKind] = "acquisition"
"""A scan that a remote device carries out; ``protocol.acquisitions`` has its arguments."""
DAG: Final[ItemKind] = "dag"
"""A processing graph."""

FailurePolicy = Literal["front", "hold"]
"""Where a failed item goes: to the front of its queue, or there too, but held until a person releases it."""


class Item(Struct, frozen=True):
    """One unit of work. ``content`` is the map that clients see, ``uid`` included."""

    uid: str
    lane: str
    submission: str
    content: Mapping[str, Any]
    state: ItemState = "queued"
    attempt: int = 0
    reason: str = ""

    @property
    def kind(self) -> str:
        """What the item asks for: a plan, an instruction, a processing graph (``dag``) or a scan on a remote device."""
        return str(self.content.get("item_type", "plan"))

    @property
    def name(self) -> str:
        """The name of the plan, of the instruction or of the graph."""
        return str(self.content.get("name", ""))

    def shown(self) -> dict[str, Any]:
        """Return the map that clients see: the content, its lane if it is another one than the lane default.

        For a held item also its state and the reason.
        """
        shown = dict(self.content)
        if self.lane != DEFAULT_LANE:
            shown["lane"] = self.lane
        if self.state == "held":
            shown |= {"state": "held", "hold_reason": self.reason}
        return shown


class Place(Struct, frozen=True):
    """A place in a queue: the front, the back, an index, or a neighbour."""

    position: int | Literal["front", "back"] = "back"
    before_uid: str | None = None
    after_uid: str | None = None


FRONT = Place("front")
BACK = Place("back")


@dataclass(frozen=True, slots=True)
class AttemptKey:
    """The fencing token of one execution: which attempt, of which item, started in which epoch."""

    item_uid: str
    submission: str
    lane: str
    number: int
    epoch: int


@dataclass(frozen=True, slots=True)
class Run:
    """One Bluesky run of an attempt, as ``re_runs`` shows it."""

    uid: str
    scan_id: int | None = None
    is_open: bool = True
    exit_status: str | None = None

    def closed(self, exit_status: str | None) -> Run:
        """Return the run as it is after its end."""
        return Run(self.uid, self.scan_id, is_open=False, exit_status=exit_status)

    def shown(self) -> dict[str, Any]:
        """Return the map that clients see."""
        return {"uid": self.uid, "scan_id": self.scan_id, "is_open": self.is_open, "exit_status": self.exit_status}


class Result(Struct, frozen=True):
    """How an attempt ended. Times are seconds since 1970-01-01 UTC; lists and texts are never null."""

    outcome: Outcome
    time_start: float
    time_stop: float
    run_uids: tuple[str, ...] = ()
    scan_ids: tuple[int, ...] = ()
    message: str = ""
    traceback: str = ""
    points: int = 0
    artifacts: tuple[ManifestEntry, ...] = ()
    metrics: Mapping[str, int | float | str] = field(default_factory=dict[str, "int | float | str"])
    metrics_error: str = ""

    def shown(self) -> dict[str, Any]:
        """Return the documented ``result`` of a history entry, the points, and artifacts and metrics if any."""
        shown: dict[str, Any] = {
            "exit_status": self.outcome,
            "run_uids": list(self.run_uids),
            "scan_ids": list(self.scan_ids),
            "time_start": self.time_start,
            "time_stop": self.time_stop,
            "msg": self.message,
            "traceback": self.traceback,
            "points": self.points,
        }
        if self.artifacts:
            shown["artifacts"] = [entry.model_dump() for entry in self.artifacts]
        if self.metrics:
            shown["metrics"] = dict(self.metrics)
        if self.metrics_error:
            shown["metrics_error"] = self.metrics_error
        return shown


class Origin(Struct, frozen=True):
    """Who asked: the claims of the message, and how they reached the manager."""

    user: str = ""
    group: str = ""
    client: str = ""
    request_id: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])
