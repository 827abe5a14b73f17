"""The routes of exam tasks, scans and processing, and templates of them."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter
from starlette.requests import Request
from starlette.responses import Response

from http_gateway.dialects.scanhub.exam_access import own_task
from http_gateway.dialects.scanhub.exam_calls import (
    answer,
    answer_all,
    call,
    done,
    given_in,
    needed_id,
    path_id,
    query_flag,
    query_id,
    read_as,
    show_task,
    version_of,
)
from http_gateway.dialects.scanhub.exam_errors import UnfitError, as_not_found
from http_gateway.dialects.scanhub.exam_models import BaseAcquisitionTask, BaseDAGTask, BaseTaskOfAnyType, TaskOrder
from http_gateway.dialects.scanhub.exam_routes import exam_route, refer
from http_gateway.link import Caller
from queue_server.protocol.exam_fields import read_exam_task

_TASK: TypeAdapter[BaseAcquisitionTask | BaseDAGTask] = TypeAdapter(BaseTaskOfAnyType)
_ORDER = TypeAdapter(TaskOrder)


async def create_task(request: Request, caller: Caller) -> Response:
    """Add a task to a workflow, or a template of one."""
    reply = await call(request, caller, "exam_task_add", task=await _read(request))
    return answer(show_task(reply["task"]), 201)


async def create_task_from_template(request: Request, caller: Caller) -> Response:
    """Add a task that is a copy of a template to a workflow."""
    template_id, workflow_id = needed_id(request, "template_id"), query_id(request, "workflow_id")
    changes: dict[str, Any] = {
        "workflow_id": workflow_id,
        "is_template": query_flag(request, "new_task_is_template"),
    }
    try:
        reply = await call(request, caller, "exam_task_copy", template_id=template_id, task=changes)
    except UnfitError as error:
        raise as_not_found(error, workflow_id) from error
    return answer(show_task(reply["task"]), 201)


async def get_task(request: Request, caller: Caller) -> Response:
    """Return a task with its results; the uid of the item that does it will do as its id."""
    return await _show(request, caller, path_id(request, "task_id"))


async def get_all_workflow_tasks(request: Request, caller: Caller) -> Response:
    """Return all tasks of a workflow in their order."""
    workflow_id = path_id(request, "workflow_id")
    return await answer_all(request, caller, "exam_task_list", "tasks", show_task, workflow_id=workflow_id, tree=True)


async def get_all_task_templates(request: Request, caller: Caller) -> Response:
    """Return all templates of tasks."""
    return await answer_all(request, caller, "exam_task_list", "tasks", show_task, templates=True, tree=True)


async def update_task(request: Request, caller: Caller) -> Response:
    """Change a task; while its item waits or is active, the queue owns its status and its progress."""
    task_id, version = path_id(request, "task_id"), version_of(request)
    changes = await _read(request)
    await call(request, caller, "exam_task_update", task_id=task_id, task=changes, if_version=version)
    return await _show(request, caller, task_id)


async def reorder_tasks(request: Request, caller: Caller) -> Response:
    """Give the tasks of a workflow another order."""
    order = await read_as(request, _ORDER)
    await call(request, caller, "exam_task_reorder", task_ids=[str(each) for each in order.task_ids])
    return done()


async def delete_task(request: Request, caller: Caller) -> Response:
    """Remove a task with its results."""
    await call(request, caller, "exam_task_remove", task_id=path_id(request, "task_id"), if_version=version_of(request))
    return done()


async def _read(request: Request) -> dict[str, Any]:
    # The type is among what a client must give, and its field has a default.
    values = given_in(await read_as(request, _TASK))
    read_exam_task(values, "body")
    return values


async def _show(request: Request, caller: Caller, task_id: str) -> Response:
    reply = await call(request, caller, "exam_task_get", task_id=task_id)
    return answer(show_task(reply["task"]))


_BODY = {"oneOf": [refer("BaseAcquisitionTask"), refer("BaseDAGTask")], "discriminator": {"propertyName": "task_type"}}
_RESULT = "AcquisitionTaskOut|DAGTaskOut"
_COPIED = {
    "template_id": "The template.",
    "workflow_id?": "The workflow that the copy belongs to.",
    "new_task_is_template?": "Whether the copy is a template as well.",
}
ROUTES = (
    exam_route("POST", "/task/new", create_task, body=_BODY, result=_RESULT, status=201),
    exam_route("POST", "/task", create_task_from_template, query=_COPIED, result=_RESULT, status=201),
    exam_route("GET", "/task/all/{workflow_id}", get_all_workflow_tasks, result=f"{_RESULT}[]"),
    exam_route("GET", "/task/templates/all", get_all_task_templates, result=f"{_RESULT}[]"),
    exam_route("PUT", "/task/reorder", reorder_tasks, body=refer("TaskOrder"), status=204),
    exam_route("GET", "/task/{task_id}", get_task, opens=own_task, result=_RESULT),
    exam_route("PUT", "/task/{task_id}", update_task, body=_BODY, result=_RESULT),
    exam_route("DELETE", "/task/{task_id}", delete_task, status=204),
)
