"""What documents about runs and groups need of a workflow, and where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request

from http_gateway.dialects.flowserv.asking import call
from http_gateway.link import Caller
from queue_server.protocol.errors import NotFoundError


@dataclass(frozen=True, slots=True)
class Template:
    """What a handle needs of the workflow of a run: declarations of parameters, and of the files that are kept."""

    parameters: tuple[Mapping[str, Any], ...] = ()
    outputs: tuple[Mapping[str, Any], ...] = field(default=())


def template_of(workflow: Mapping[str, Any], group: Mapping[str, Any] | None = None) -> Template:
    """Return what a workflow declares, with the declarations that a group has in their place or beside them."""
    own = {each["name"]: each for each in (group or {}).get("parameters") or ()}
    declared = [own.pop(each["name"], each) for each in workflow.get("parameters") or ()]
    return Template((*declared, *own.values()), tuple(workflow.get("outputs") or ()))


async def find_template(
    request: Request,
    caller: Caller,
    workflow_id: str,
    group: Mapping[str, Any] | None = None,
    version: int | None = None,
) -> Template:
    """Return what a version of a workflow declares, by default the newest; nothing, if it has been removed.

    Raises:
        CuelightError: the manager refuses, or does not answer.
    """
    try:
        reply = await call(request, caller, "workflow_get", workflow_id=workflow_id, version=version)
    except NotFoundError:
        # What it has led to is still there.
        return Template()
    return template_of(reply["workflow"], group)
