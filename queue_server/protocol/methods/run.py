"""Declarations about the running plan: pause, go on, end it, and its runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import Field

from queue_server.protocol.method import LaneLockableParams, LaneParams, Method, Params


class ControlParams(LaneLockableParams):
    """Which plan is meant."""

    item_uid: str | None = Field(
        default=None,
        min_length=1,
        max_length=512,
        description="Refused if another item runs in the lane, or none; without it the plan that runs.",
    )


class PauseParams(ControlParams):
    """When to pause."""

    option: Literal["deferred", "immediate"] = Field(
        default="deferred", description="deferred: at the next checkpoint; immediate: now, steps may be repeated."
    )


class RunsParams(LaneParams):
    """Which runs of the running plan."""

    option: Literal["active", "open", "closed"] = Field(default="active", description="active: open and closed ones.")


@dataclass(frozen=True, slots=True)
class RunList:
    """Runs of the running plan in the order of their start, and the uid of this list."""

    run_list: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    run_list_uid: str = ""


def _control(name: str, verb: str, summary: str, params: type[Params] = ControlParams) -> Method:
    return Method(
        name=name,
        summary=summary,
        kind="motion",
        scope="write:plan:control",
        route=("POST", f"/run/{verb}"),
        params=params,
        lock="environment",
    )


METHODS = (
    _control("re_pause", "pause", "Pause the running plan.", PauseParams),
    _control("re_resume", "resume", "Go on with the paused plan."),
    _control("re_stop", "stop", "End the paused plan as a success: its cleanup runs, its runs are marked success."),
    _control("re_abort", "abort", "End the paused plan as a failure: its cleanup runs, its runs are marked abort."),
    _control("re_halt", "halt", "End the paused plan at once, without its cleanup."),
    Method(
        name="re_runs",
        summary="Return the runs of the running plan.",
        kind="memory",
        scope="read:monitor",
        route=("GET", "/runs"),
        params=RunsParams,
        result=RunList,
    ),
)
