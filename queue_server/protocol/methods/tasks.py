"""Declarations about functions and scripts in the worker's namespace, and how they ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pydantic import Field

from queue_server.protocol.method import LaneLockableParams, LaneParams, Method, Params

LONGEST_SCRIPT = 256 * 1024

_BACKGROUND = "True: in a thread of its own, also while a plan runs; the code must be safe for that."


class FunctionParams(LaneLockableParams):
    """Which function, with what arguments, and who asks."""

    item: dict[str, Any] | None = Field(default=None, description="item_type 'function', name, args, kwargs.")
    user: str | None = Field(default=None, max_length=128, description="Name of the person or program that asks.")
    user_group: str | None = Field(default=None, max_length=128, description="Group whose permissions apply.")
    run_in_background: bool = Field(default=False, description=_BACKGROUND)


class ScriptParams(LaneLockableParams):
    """The script, and what is renewed after it."""

    script: str | None = Field(default=None, max_length=LONGEST_SCRIPT, description="Python code.")
    update_lists: bool = Field(default=True, description="True: describe plans and devices again afterwards.")
    update_re: bool = Field(default=False, description="True: a RunEngine that the script makes replaces the present.")
    run_in_background: bool = Field(default=False, description=_BACKGROUND)


class UpdateParams(LaneLockableParams):
    """Where to run."""

    run_in_background: bool = Field(default=False, description=_BACKGROUND)


class TaskStatusParams(Params):
    """Which tasks."""

    task_uid: str | list[str] | None = Field(default=None, description="Uid of a task, or a list of uids.")


class TaskResultParams(Params):
    """Which task."""

    task_uid: str | None = Field(default=None, description="Uid of the task.")


@dataclass(frozen=True, slots=True)
class TaskStarted:
    """The uid to ask with."""

    task_uid: str | None = None


@dataclass(frozen=True, slots=True)
class FunctionStarted:
    """The uid to ask with, and the item as it was accepted."""

    item: dict[str, Any] | None = None
    task_uid: str | None = None


@dataclass(frozen=True, slots=True)
class TaskStatus:
    """'running', 'completed' or 'not_found'; for a list of uids a map."""

    task_uid: str | list[str] | None = None
    status: str | dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class TaskOutcome:
    """The state of the task, and its result once it is completed."""

    task_uid: str | None = None
    status: str | None = None
    result: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Metadata:
    """What the RunEngine puts into every run."""

    re_metadata: dict[str, Any] = field(default_factory=dict[str, Any])


METHODS = (
    Method(
        name="environment_update",
        summary="Describe the plans and devices of the worker's namespace again.",
        kind="mutation",
        scope="write:queue:control",
        route=("POST", "/environment/update"),
        params=UpdateParams,
        result=TaskStarted,
        lock="environment",
    ),
    Method(
        name="script_upload",
        summary="Run a script in the worker's namespace.",
        kind="mutation",
        scope="write:scripts",
        route=("POST", "/tasks/script"),
        params=ScriptParams,
        result=TaskStarted,
        lock="environment",
        notes="Refused unless the setting `script_upload` is on. Success means that the task was started.",
    ),
    Method(
        name="function_execute",
        summary="Call a function of the worker's namespace.",
        kind="mutation",
        scope="write:execute",
        route=("POST", "/tasks/function"),
        params=FunctionParams,
        result=FunctionStarted,
        lock="environment",
        notes="Success means that the task was started.",
    ),
    Method(
        name="task_status",
        summary="Return whether tasks are running or completed.",
        kind="read",
        scope="read:monitor",
        route=("GET", "/tasks/status"),
        params=TaskStatusParams,
        result=TaskStatus,
    ),
    Method(
        name="task_result",
        summary="Return how a task ended.",
        kind="read",
        scope="read:monitor",
        route=("GET", "/tasks/result"),
        params=TaskResultParams,
        result=TaskOutcome,
        notes="The newest 1,000 results are kept, for 24 hours, also over a restart.",
    ),
    Method(
        name="re_metadata",
        summary="Return the metadata that the RunEngine puts into every run.",
        kind="memory",
        scope="read:monitor",
        route=("GET", "/runs/metadata"),
        params=LaneParams,
        result=Metadata,
    ),
)
