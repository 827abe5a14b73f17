"""The route that starts an exam task of a workflow: a scan, or processing of what scans have brought."""

from __future__ import annotations

from typing import Any, Final, cast

from starlette.requests import Request
from starlette.responses import Response

from http_gateway.dialects.scanhub.device_routes import find_device
from http_gateway.dialects.scanhub.device_scans import (
    Standing,
    Wanted,
    accept,
    check_scan,
    read_held,
    read_options,
)
from http_gateway.dialects.scanhub.exam_calls import call, path_id, read_body
from http_gateway.link import Caller
from http_gateway.routes import Route

PREFIX: Final = "/workflowmanager"
_SCOPE: Final = "write:queue:edit"


async def trigger_task(request: Request, caller: Caller) -> Response:
    """Put the item that does a task into its lane."""
    task_id = path_id(request, "task_id")
    body = await read_body(request) or {}
    options = read_options(request, body)
    task = (await call(request, caller, "exam_task_get", task_id=task_id, tree=False))["task"]
    device = await _find_device(request, caller, task, options)
    held = read_held(request, body)
    reply = await call(request, caller, "exam_task_trigger", task_id=task_id, held=held, **options)
    item = reply["item"]
    standing = Standing(str(item.get("lane", "")), max(0, int(reply["qsize"]) - 1))
    return accept(item, reply["task"]["id"], device, standing)


async def _find_device(
    request: Request, caller: Caller, task: dict[str, Any], options: dict[str, Any]
) -> dict[str, Any] | None:
    """Return the device of a scan, after a look at the size of its start; None where the manager will refuse it.

    Raises:
        StartTooLargeError: the device does not accept so much.
        CuelightError: there is no such device or sequence.
    """
    if task["task_type"] != "ACQUISITION" or task["is_template"] or task["device_id"] is None:
        return None
    device = await find_device(request, caller, task["device_id"])
    reply = await call(request, caller, "exam_sequence_get", sequence_id=task["sequence_id"], files=True)
    names = ("sequence_id", "acquisition_parameter", "acquisition_limits", "calibration", "description", "destination")
    kwargs = {name: task[name] for name in names if task[name] is not None}
    sequence = cast("dict[str, Any]", reply["sequence"])
    check_scan(request, caller, device, Wanted(task["name"], {**kwargs, **options}, sequence))
    return device


def _route(path: str) -> Route:
    return Route(
        verb="POST",
        path=f"{PREFIX}{path}",
        scope=_SCOPE,
        handler=trigger_task,
        summary=(trigger_task.__doc__ or "").partition("\n")[0],
    )


ROUTES = (_route("/trigger_task/{task_id}/"), _route("/trigger_task/{task_id}"))
