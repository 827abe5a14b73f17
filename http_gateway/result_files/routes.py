"""Native routes that hand out files: of submissions, of workflows, and artifacts by their ids."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any

from fastapi import FastAPI
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from http_gateway.config import GatewaySettings
from http_gateway.link import Caller
from http_gateway.media import describe_parameter
from http_gateway.problem import problem_in, show
from http_gateway.result_files.downloads import send_archive, send_file
from http_gateway.result_files.shelf import Shelf, provide_shelf, shelf_of
from http_gateway.routes import Route, request_id_of, services_of
from http_gateway.values import read_query, refuse_query
from queue_server.protocol.method import Params
from queue_server.protocol.methods import METHODS
from queue_server.protocol.records import DEFAULT_CONTENT_TYPE

_SCOPE = "read:artifacts"


class ArchiveParams(Params):
    """Which attempt; without it the newest one that has files."""

    attempt: int | None = Field(default=None, ge=1, description="Number of the attempt.")


def open_result_files(app: FastAPI, stack: AsyncExitStack, settings: GatewaySettings) -> None:
    """Let routes read and write artifacts until ``stack`` ends."""
    shelf = Shelf(settings.data, settings.flowserv.archives_bytes)
    stack.callback(shelf.close)
    provide_shelf(app, shelf)


async def send_submission_archive(request: Request, caller: Caller) -> Response:
    """Answer the files of an attempt of a submission as an archive."""
    given = read_query(request, ArchiveParams)
    return await _send_archive(request, caller, "submission_archive", {**_named(request, "submission_id"), **given})


async def send_submission_file(request: Request, caller: Caller) -> Response:
    """Answer one file of a submission."""
    return await _send_file(request, caller, "submission_file", _named(request, "submission_id", "file_id"))


async def send_workflow_archive(request: Request, caller: Caller) -> Response:
    """Answer the files of the post-processing of a workflow as an archive."""
    return await _send_archive(request, caller, "workflow_result_archive", _named(request, "workflow_id"))


async def send_workflow_file(request: Request, caller: Caller) -> Response:
    """Answer one file of the post-processing of a workflow."""
    return await _send_file(request, caller, "workflow_result_file", _named(request, "workflow_id", "file_id"))


async def send_artifact(request: Request, caller: Caller) -> Response:
    """Answer an artifact to somebody who knows its id."""
    artifact_id: str = request.path_params["artifact_id"]
    size_bytes = await shelf_of(request).run(lambda store: store.size(artifact_id))
    file = {"name": artifact_id, "artifact_id": artifact_id, "size_bytes": size_bytes}
    return await send_file(request, shelf_of(request), {**file, "content_type": DEFAULT_CONTENT_TYPE})


def _named(request: Request, *names: str) -> dict[str, Any]:
    return {name: request.path_params[name] for name in names}


async def _send_archive(request: Request, caller: Caller, method: str, params: Mapping[str, Any]) -> Response:
    reply = await _ask(request, caller, method, params)
    return reply if isinstance(reply, Response) else await send_archive(request, shelf_of(request), reply["manifest"])


async def _send_file(request: Request, caller: Caller, method: str, params: Mapping[str, Any]) -> Response:
    refuse_query(request)
    reply = await _ask(request, caller, method, params)
    return reply if isinstance(reply, Response) else await send_file(request, shelf_of(request), reply["file"])


async def _ask(request: Request, caller: Caller, method: str, params: Mapping[str, Any]) -> Response | dict[str, Any]:
    """Return the reply of the manager, or the answer that shows its refusal."""
    METHODS[method].parse(dict(params))
    reply = await services_of(request).link.call(method, params, caller)
    return reply if reply.get("success") else show(problem_in(reply), request_id_of(request))


_IDS = {
    "submission_id": "Id of the submission.",
    "workflow_id": "Id of the workflow.",
    "file_id": "Id of the file.",
    "artifact_id": "SHA-256 of the bytes, in lower case.",
}


def _describe(summary: str, media_type: str, *names: str) -> dict[str, Any]:
    parameters = [describe_parameter(name, "path", _IDS[name], {"type": "string", "minLength": 1}) for name in names]
    content = {media_type: {"schema": {"type": "string", "format": "binary"}}}
    return {
        "description": f"{summary} Where the length is known, the header Range asks for a part, which is sent with the "
        "status 206; one that is not there is refused with 416.",
        "parameters": parameters,
        "responses": {"200": {"description": "All of it.", "content": content}},
    }


_ARCHIVE, _FILE = "application/gzip", DEFAULT_CONTENT_TYPE
_ATTEMPT = describe_parameter("attempt", "query", "Number of the attempt.", {"type": "integer", "minimum": 1})
_OF_SUBMISSION = _describe("The files of an attempt, as tar.gz.", _ARCHIVE, "submission_id")

ROUTES = (
    Route(
        verb="GET",
        path="/submissions/{submission_id}/archive",
        scope=_SCOPE,
        handler=send_submission_archive,
        summary="The files of a submission.",
        document={**_OF_SUBMISSION, "parameters": [*_OF_SUBMISSION["parameters"], _ATTEMPT]},
    ),
    Route(
        verb="GET",
        path="/submissions/{submission_id}/files/{file_id}",
        scope=_SCOPE,
        handler=send_submission_file,
        summary="One file of a submission.",
        document=_describe("The bytes of a file.", _FILE, "submission_id", "file_id"),
    ),
    Route(
        verb="GET",
        path="/workflows/{workflow_id}/archive",
        scope=_SCOPE,
        handler=send_workflow_archive,
        summary="The files of the post-processing of a workflow.",
        document=_describe("The files of the newest one that was completed, as tar.gz.", _ARCHIVE, "workflow_id"),
    ),
    Route(
        verb="GET",
        path="/workflows/{workflow_id}/files/{file_id}",
        scope=_SCOPE,
        handler=send_workflow_file,
        summary="One file of the post-processing of a workflow.",
        document=_describe("The bytes of a file.", _FILE, "workflow_id", "file_id"),
    ),
    Route(
        verb="GET",
        path="/artifacts/{artifact_id}",
        scope=_SCOPE,
        handler=send_artifact,
        summary="An artifact.",
        document=_describe("The bytes whose SHA-256 is the id.", _FILE, "artifact_id"),
    ),
)
