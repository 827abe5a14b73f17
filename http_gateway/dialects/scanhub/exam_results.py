"""The routes of the results of exam tasks."""

from __future__ import annotations

from pydantic import TypeAdapter
from starlette.requests import Request
from starlette.responses import Response

from http_gateway.dialects.scanhub.exam_access import own_result, own_task
from http_gateway.dialects.scanhub.exam_calls import (
    answer,
    answer_all,
    call,
    done,
    given_in,
    needed_id,
    path_id,
    read_as,
    show_result,
    version_of,
)
from http_gateway.dialects.scanhub.exam_models import SetResult
from http_gateway.dialects.scanhub.exam_routes import exam_route, refer
from http_gateway.link import Caller
from queue_server.protocol.exam_fields import read_fields
from queue_server.protocol.exam_records import ResultFields

_RESULT = TypeAdapter(SetResult)
# The task of a result is not changed; any id will do to look at the other fields.
_SOME_TASK = {"task_id": "00000000-0000-0000-0000-000000000000"}


async def create_blank_result(request: Request, caller: Caller) -> Response:
    """Add a blank result to a task; the uid of the item that does the task will do as its id."""
    reply = await call(request, caller, "exam_result_add", task_id=needed_id(request, "task_id"))
    return answer(show_result(reply["result"]), 201)


async def get_result(request: Request, caller: Caller) -> Response:
    """Return a result."""
    reply = await call(request, caller, "exam_result_get", result_id=path_id(request, "result_id"))
    return answer(show_result(reply["result"]))


async def get_all_task_results(request: Request, caller: Caller) -> Response:
    """Return all results of a task."""
    return await answer_all(
        request, caller, "exam_result_list", "results", show_result, task_id=path_id(request, "task_id")
    )


async def set_result(request: Request, caller: Caller) -> Response:
    """Say what a result is."""
    result_id, version = path_id(request, "result_id"), version_of(request)
    values = given_in(await read_as(request, _RESULT))
    read_fields(ResultFields, values | _SOME_TASK, "body")
    reply = await call(request, caller, "exam_result_update", result_id=result_id, result=values, if_version=version)
    return answer(show_result(reply["result"]))


async def delete_result(request: Request, caller: Caller) -> Response:
    """Remove a result."""
    result_id, version = path_id(request, "result_id"), version_of(request)
    await call(request, caller, "exam_result_remove", result_id=result_id, if_version=version)
    return done()


ROUTES = (
    exam_route(
        "POST",
        "/result",
        create_blank_result,
        opens=own_task,
        query={"task_id": "The task."},
        result="ResultOut",
        status=201,
    ),
    exam_route("GET", "/result/all/{task_id}", get_all_task_results, opens=own_task, result="ResultOut[]"),
    exam_route("GET", "/result/{result_id}", get_result, opens=own_result, result="ResultOut"),
    exam_route("PUT", "/result/{result_id}", set_result, opens=own_result, body=refer("SetResult"), result="ResultOut"),
    exam_route("DELETE", "/result/{result_id}", delete_result, status=204),
)
