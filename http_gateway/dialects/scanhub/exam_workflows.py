"""The routes of the workflows of exams, and templates of them."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter
from starlette.requests import Request
from starlette.responses import Response

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
    show_workflow,
    version_of,
)
from http_gateway.dialects.scanhub.exam_errors import UnfitError, as_not_found
from http_gateway.dialects.scanhub.exam_models import BaseWorkflow
from http_gateway.dialects.scanhub.exam_routes import exam_route, refer
from http_gateway.link import Caller
from queue_server.protocol.exam_fields import read_fields
from queue_server.protocol.exam_records import WorkflowFields

_WORKFLOW = TypeAdapter(BaseWorkflow)


async def create_workflow(request: Request, caller: Caller) -> Response:
    """Add a workflow to an exam, or a template of one."""
    reply = await call(request, caller, "exam_workflow_add", workflow=await _read(request))
    return answer(show_workflow(reply["workflow"]), 201)


async def create_workflow_from_template(request: Request, caller: Caller) -> Response:
    """Add a workflow with the tasks of a template to an exam."""
    template_id, exam_id = needed_id(request, "template_id"), query_id(request, "exam_id")
    changes: dict[str, Any] = {"exam_id": exam_id, "is_template": query_flag(request, "new_workflow_is_template")}
    try:
        reply = await call(request, caller, "exam_workflow_copy", template_id=template_id, workflow=changes)
    except UnfitError as error:
        raise as_not_found(error, exam_id) from error
    return await _show(request, caller, reply["workflow"]["id"], 201)


async def get_workflow(request: Request, caller: Caller) -> Response:
    """Return a workflow with its tasks and results."""
    return await _show(request, caller, path_id(request, "workflow_id"))


async def get_all_exam_workflows(request: Request, caller: Caller) -> Response:
    """Return all workflows of an exam."""
    exam_id = path_id(request, "exam_id")
    return await answer_all(
        request, caller, "exam_workflow_list", "workflows", show_workflow, exam_id=exam_id, tree=True
    )


async def get_all_workflow_templates(request: Request, caller: Caller) -> Response:
    """Return all templates of workflows."""
    return await answer_all(
        request, caller, "exam_workflow_list", "workflows", show_workflow, templates=True, tree=True
    )


async def update_workflow(request: Request, caller: Caller) -> Response:
    """Change a workflow."""
    workflow_id, version = path_id(request, "workflow_id"), version_of(request)
    changes = await _read(request)
    await call(request, caller, "exam_workflow_update", workflow_id=workflow_id, workflow=changes, if_version=version)
    return await _show(request, caller, workflow_id)


async def delete_workflow(request: Request, caller: Caller) -> Response:
    """Remove a workflow with everything that belongs to it."""
    workflow_id, version = path_id(request, "workflow_id"), version_of(request)
    await call(request, caller, "exam_workflow_remove", workflow_id=workflow_id, if_version=version)
    return done()


async def _read(request: Request) -> dict[str, Any]:
    values = given_in(await read_as(request, _WORKFLOW))
    read_fields(WorkflowFields, values, "body")
    return values


async def _show(request: Request, caller: Caller, workflow_id: str, status: int = 200) -> Response:
    reply = await call(request, caller, "exam_workflow_get", workflow_id=workflow_id)
    return answer(show_workflow(reply["workflow"]), status)


_BODY = refer("BaseWorkflow")
_COPIED = {
    "template_id": "The template.",
    "exam_id?": "The exam that the copy belongs to.",
    "new_workflow_is_template?": "Whether the copy is a template as well.",
}
ROUTES = (
    exam_route("POST", "/workflow/new", create_workflow, body=_BODY, result="WorkflowOut", status=201),
    exam_route("POST", "/workflow", create_workflow_from_template, query=_COPIED, result="WorkflowOut", status=201),
    exam_route("GET", "/workflow/all/{exam_id}", get_all_exam_workflows, result="WorkflowOut[]"),
    exam_route("GET", "/workflow/templates/all", get_all_workflow_templates, result="WorkflowOut[]"),
    exam_route("GET", "/workflow/{workflow_id}", get_workflow, result="WorkflowOut"),
    exam_route("PUT", "/workflow/{workflow_id}", update_workflow, body=_BODY, result="WorkflowOut"),
    exam_route("DELETE", "/workflow/{workflow_id}", delete_workflow, status=204),
)
