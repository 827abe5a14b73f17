"""Handlers of the methods about functions and scripts in the worker's namespace."""

from __future__ import annotations

import logging
from typing import Any, cast

from queue_server.core.events import TaskRequested
from queue_server.handlers.context import MemoryContext, TurnContext
from queue_server.handlers.group import group
from queue_server.handlers.new_items import require_item, require_user
from queue_server.protocol.errors import CuelightError, ForbiddenError, ParameterError, StateError
from queue_server.protocol.method import LaneParams
from queue_server.protocol.methods.tasks import (
    FunctionParams,
    FunctionStarted,
    Metadata,
    ScriptParams,
    TaskOutcome,
    TaskResultParams,
    TaskStarted,
    TaskStatus,
    TaskStatusParams,
    UpdateParams,
)
from queue_server.protocol.tasks import Task, TaskKind
from queue_server.storage.base import StoredTask

_log = logging.getLogger(__name__)


def update_environment(context: TurnContext, params: UpdateParams) -> TaskStarted:
    """Describe plans and devices again."""
    _log.info("Updating the RE environment ...")
    return TaskStarted(_start(context, "update", {}, in_background=params.run_in_background))


def upload_script(context: TurnContext, params: ScriptParams) -> TaskStarted:
    """Run a script."""
    _log.info("Uploading a script to the RE environment ...")
    if not context.desk.permits.scripts:
        raise ForbiddenError(
            "Scripts are not accepted here. Switch them on with the setting script_upload (CUELIGHT_SCRIPT_UPLOAD=1)."
        )
    if params.script is None:
        raise ParameterError("Required 'script' parameter is missing in API call.", field="script")
    most, size = context.desk.limits.max_script_bytes, len(params.script.encode(errors="surrogatepass"))
    if size > most:
        raise ParameterError(f"'script' has {size} bytes; at most {most} are accepted.", field="script")
    content = {"script": params.script, "update_lists": params.update_lists, "update_re": params.update_re}
    return TaskStarted(_start(context, "script", content, in_background=params.run_in_background))


def execute_function(context: TurnContext, params: FunctionParams) -> FunctionStarted:
    """Call a function."""
    try:
        group_name = require_user(params.user, params.user_group)
        content = _check_function(context, params.item, group_name)
        uid = _start(context, "function", content, in_background=params.run_in_background)
    except CuelightError as error:
        raise error.with_fields(item=params.item) from error
    item = {"item_type": "function", **content, "user": params.user, "user_group": group_name, "item_uid": uid}
    return FunctionStarted(item, uid)


def tell_task_status(context: TurnContext, params: TaskStatusParams) -> TaskStatus:
    """Return the state of one task, or of several by uid."""
    asked = params.task_uid
    if asked is None:
        raise ParameterError("Required 'task_uid' parameter is missing in the API call.", field="task_uid")
    if isinstance(asked, str):
        return TaskStatus(asked, _state_of(context.turn.tx.task(asked)))
    return TaskStatus(asked, {uid: _state_of(context.turn.tx.task(uid)) for uid in asked})


def tell_task_result(context: TurnContext, params: TaskResultParams) -> TaskOutcome:
    """Return how a task ended; of a running one when it began."""
    uid = params.task_uid
    if uid is None:
        raise ParameterError("Required 'task_uid' parameter is missing in the API call.", field="task_uid")
    stored = context.turn.tx.task(uid)
    return TaskOutcome(uid, _state_of(stored), _show(stored))


def tell_metadata(context: MemoryContext, _: LaneParams) -> Metadata:
    """Return the metadata of the RunEngine; without an environment there are none."""
    if context.desk.state().lane(context.lane).worker.environment != "open":
        raise StateError("RE Worker environment does not exist: open it first (environment_open).")
    return Metadata(dict(context.desk.resources.metadata.get(context.lane, {})))


def _start(context: TurnContext, kind: TaskKind, content: dict[str, Any], *, in_background: bool) -> str:
    turn = context.turn
    task = Task(turn.chance.identifier(), context.lane, kind, in_background, turn.now, content)
    turn.apply(TaskRequested(task))
    context.record(task_uid=task.uid, kind=kind, name=str(content.get("name", "")))
    return task.uid


def _check_function(context: TurnContext, item: object, group_name: str) -> dict[str, Any]:
    content = require_item(item)
    if content.get("item_type") != "function":
        raise ParameterError(
            f"Incorrect request format: unsupported 'item_type' value {content.get('item_type')!r}: use 'function'.",
            field="item",
        )
    name, args, kwargs = content.get("name"), content.get("args", []), content.get("kwargs", {})
    if not isinstance(name, str) or not name.isidentifier():
        raise ParameterError(f"'item.name' must be the name of a function, not {name!r}.", field="item")
    if not isinstance(args, (list, tuple)) or not isinstance(kwargs, dict):
        raise ParameterError("'item.args' must be a list and 'item.kwargs' a map.", field="item")
    if not context.desk.resources.policy.allows_function(name, group_name):
        raise ForbiddenError(f"Function {name!r} is not allowed for users from {group_name!r} group.")
    return {"name": name, "args": list(cast("list[Any]", args)), "kwargs": dict(cast("dict[str, Any]", kwargs))}


def _state_of(stored: StoredTask | None) -> str:
    if stored is None:
        return "not_found"
    return "running" if stored.result is None else "completed"


def _show(stored: StoredTask | None) -> dict[str, Any]:
    if stored is None:
        return {}
    task = stored.task
    if stored.result is None:
        return {"task_uid": task.uid, "time_start": task.time_start, "run_in_background": task.in_background}
    return stored.result.shown(task.uid)


GROUP = group(
    turn={
        "environment_update": update_environment,
        "script_upload": upload_script,
        "function_execute": execute_function,
        "task_status": tell_task_status,
        "task_result": tell_task_result,
    },
    memory={"re_metadata": tell_metadata},
)
