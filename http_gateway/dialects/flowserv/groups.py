"""The routes of groups: only members see them; who makes one owns it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import Response

from http_gateway.dialects.flowserv.admission import READ, WRITE, find_own_group
from http_gateway.dialects.flowserv.asking import answer, call, done, pages, path_name, read_object, read_text
from http_gateway.dialects.flowserv.declarations import read_parameters
from http_gateway.dialects.flowserv.parameters import show_parameters
from http_gateway.dialects.flowserv.route import declare
from http_gateway.dialects.flowserv.run_documents import list_runs
from http_gateway.dialects.flowserv.templates import Template, find_template
from http_gateway.dialects.flowserv.times import show_time
from http_gateway.dialects.flowserv.workflow_documents import describe_group
from http_gateway.link import Caller
from queue_server.protocol.errors import ParameterError

_CREATION = frozenset(("name", "members", "parameters", "config", "id"))
_CHANGE = frozenset(("name", "members"))


async def list_groups(request: Request, caller: Caller) -> Response:
    """List the groups of the caller."""
    return await _answer_groups(request, caller)


async def list_groups_of_workflow(request: Request, caller: Caller) -> Response:
    """List the groups of the caller at a workflow."""
    workflow_id = path_name(request, "workflowId")
    await call(request, caller, "workflow_get", workflow_id=workflow_id)
    return await _answer_groups(request, caller, workflow_id=workflow_id)


async def create_group(request: Request, caller: Caller) -> Response:
    """Make a group at a workflow."""
    workflow_id, body = path_name(request, "workflowId"), await read_object(request, _CREATION)
    group: dict[str, Any] = {"name": read_text(body, "name"), "workflow_id": workflow_id}
    if body.get("id") is not None:
        group["id"] = read_text(body, "id", 32)
    if body.get("members") is not None:
        group["members"] = _read_members(body["members"])
    if body.get("parameters") is not None:
        group["parameters"] = read_parameters(body["parameters"])
    if body.get("config") is not None:
        if not isinstance(body["config"], dict):
            raise ParameterError("'config' must be an object.", field="config")
        group["config"] = body["config"]
    await call(request, caller, "workflow_get", workflow_id=workflow_id)
    reply = await call(request, caller, "workflow_group_add", group=group)
    return answer(await _show(request, caller, reply["group"]), 201)


async def get_group(request: Request, caller: Caller) -> Response:
    """Answer a group with its members, files and runs."""
    group_id = path_name(request, "userGroupId")
    group = await find_own_group(request, caller, group_id)
    found = [each async for each in pages(request, caller, "submission_list", "submissions", group_id=group_id)]
    return answer(await _show(request, caller, group) | {"runs": list_runs(found)})


async def update_group(request: Request, caller: Caller) -> Response:
    """Give a group another name or other members."""
    group_id, body = path_name(request, "userGroupId"), await read_object(request, _CHANGE)
    changes: dict[str, Any] = {}
    if body.get("name") is not None:
        changes["name"] = read_text(body, "name")
    if body.get("members") is not None:
        changes["members"] = _read_members(body["members"])
    group = await find_own_group(request, caller, group_id)
    if changes:
        group = (await call(request, caller, "workflow_group_update", group_id=group_id, **changes))["group"]
    return answer(await _show(request, caller, group))


async def delete_group(request: Request, caller: Caller) -> Response:
    """Remove a group."""
    group_id = path_name(request, "userGroupId")
    await find_own_group(request, caller, group_id)
    await call(request, caller, "workflow_group_remove", group_id=group_id)
    return done()


async def _answer_groups(request: Request, caller: Caller, **filters: str) -> Response:
    found = pages(request, caller, "workflow_group_list", "groups", member=caller.identity.user, **filters)
    return answer({"groups": [describe_group(each) async for each in found]})


def _read_members(given: object) -> list[str]:
    members = cast("list[object]", given) if isinstance(given, list) else [None]
    if not all(isinstance(each, str) and each for each in members):
        raise ParameterError("'members' must be a list of ids of users.", field="members")
    return cast("list[str]", members)


async def _show(request: Request, caller: Caller, group: Mapping[str, Any]) -> dict[str, Any]:
    return show_group(group, await find_template(request, caller, group["workflow_id"], group))


def show_group(group: Mapping[str, Any], template: Template) -> dict[str, Any]:
    """Return the handle of a group with the parameters of its runs; its owner is one of its members."""
    members = dict.fromkeys((group["owner"], *group["members"]))
    return {
        **describe_group(group),
        "members": [{"id": each, "username": each} for each in members],
        "parameters": show_parameters(template.parameters),
        "files": [show_upload(each) for each in group.get("files") or ()],
        "config": group.get("config") or {},
    }


def show_upload(file: Mapping[str, Any]) -> dict[str, Any]:
    """Return an uploaded file."""
    return {
        "id": file["id"],
        "name": file["name"],
        "createdAt": show_time(file["created"]),
        "size": file["size_bytes"],
    }


ROUTES = (
    declare("groups:list", READ, list_groups),
    declare("workflows:groups", READ, list_groups_of_workflow),
    declare("groups:create", WRITE, create_group),
    declare("groups:get", READ, get_group),
    declare("groups:update", WRITE, update_group),
    # The description that is published with flowserv has this verb, its client has the other.
    declare("groups:update", WRITE, update_group, verb="PUT"),
    declare("groups:delete", WRITE, delete_group),
)
