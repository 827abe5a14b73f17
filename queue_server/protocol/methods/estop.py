"""Declarations about the emergency stop: stop everything that moves, and release the latch afterwards."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pydantic import Field

from queue_server.protocol.method import EVERYBODYS_SCOPE, LockableParams, Method, Params

NO_REASON = "no reason given"


class EstopParams(Params):
    """Why, and where; nothing is required, so that nothing is in the way."""

    reason: str = Field(
        default=NO_REASON, min_length=1, max_length=500, description="Why; everybody sees it until the reset."
    )
    lane: str | None = Field(default=None, min_length=1, description="Lane to stop; by default all of them.")
    user: str | None = Field(
        default=None, min_length=1, max_length=128, description="Name of the person who stops, as a claim."
    )


class EstopResetParams(LockableParams):
    """Which lane is safe again."""

    lane: str | None = Field(default=None, min_length=1, description="Lane to release; by default all of them.")
    reason: str = Field(
        default=NO_REASON, min_length=1, max_length=500, description="Why it is safe; kept in the event log."
    )
    user: str | None = Field(
        default=None, min_length=1, max_length=128, description="Name of the person who resets, as a claim."
    )


@dataclass(frozen=True, slots=True)
class EstopReply:
    """What was reached in each lane, and whether the stop is committed already.

    A lane has ``lane``, ``answer`` (reported, silent, killed, none), ``note``, ``stopped`` (names of devices),
    ``failed`` and ``not_reached`` (maps of ``device`` and ``reason``) and ``omitted`` (devices that are in no list).
    """

    lanes: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    recorded: bool = False


@dataclass(frozen=True, slots=True)
class EstopResetReply:
    """The lanes that were released; a lane that was not latched is not among them."""

    released: list[str] = field(default_factory=list[str])


METHODS = (
    Method(
        name="estop",
        summary="Stop all motion now, end what runs, and latch the lanes until they are reset. Not a safety function.",
        kind="motion",
        scope=EVERYBODYS_SCOPE,
        route=("POST", "/estop"),
        params=EstopParams,
        result=EstopReply,
        notes="Every identified user may call it, and no lock keeps anybody from it. The plan is paused and all "
        "movable devices are told to stop at once; then the plan is aborted, halted, and its worker killed, each by a "
        "deadline. The queue is kept, autostart is switched off. The reply comes with the report of the worker or at "
        "its deadline, whether or not the store can be written. A repeat while latched stops everything again.",
    ),
    Method(
        name="estop_reset",
        summary="Release the lanes that an emergency stop has latched; nothing starts by that.",
        kind="mutation",
        scope="write:estop",
        route=("POST", "/estop/reset"),
        params=EstopResetParams,
        result=EstopResetReply,
        lock="environment",
        notes="Refused while the emergency stop is still under way. Autostart stays off.",
    ),
)
