"""The routes of runs: groups start them, their members see them, and files are for all whom the site lets have them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from http_gateway.authorize import PUBLIC
from http_gateway.dialects.flowserv.admission import READ, WRITE, admit_download, find_own_group, has_open_downloads
from http_gateway.dialects.flowserv.arguments import read_arguments
from http_gateway.dialects.flowserv.asking import answer, call, done, pages, path_name, read_object, read_text
from http_gateway.dialects.flowserv.attempts import (
    ACTIVE,
    Run,
    cancelled_run,
    find_run,
    read_run_id,
    read_state,
    runs_of,
)
from http_gateway.dialects.flowserv.route import declare
from http_gateway.dialects.flowserv.run_documents import list_runs, show_run
from http_gateway.dialects.flowserv.templates import Template, find_template
from http_gateway.link import Caller
from http_gateway.result_files.downloads import send_archive, send_file
from http_gateway.result_files.shelf import shelf_of
from queue_server.protocol.errors import ForbiddenError, NotFoundError, StateError

_START = frozenset(("arguments",))
_CANCEL = frozenset(("reason",))

Found = tuple[Mapping[str, Any], Run]
"""A submission, and the one of its runs that is meant."""


async def list_group_runs(request: Request, caller: Caller) -> Response:
    """List the runs of a group, the oldest first."""
    group_id, state = path_name(request, "userGroupId"), read_state(request.query_params.get("state"))
    await find_own_group(request, caller, group_id)
    found = [each async for each in pages(request, caller, "submission_list", "submissions", group_id=group_id)]
    return answer({"runs": list_runs(found, state)})


async def start_run(request: Request, caller: Caller) -> Response:
    """Start a run of a group with these arguments."""
    group_id, body = path_name(request, "userGroupId"), await read_object(request, _START)
    group = await find_own_group(request, caller, group_id)
    workflow_id = group["workflow_id"]
    template = await find_template(request, caller, workflow_id, group)
    arguments = read_arguments(body.get("arguments"), template.parameters)
    reply = await call(
        request, caller, "submission_add", workflow_id=workflow_id, group_id=group_id, arguments=arguments
    )
    submission = reply["submission"]
    return answer(show_run(runs_of(submission)[-1], submission, workflow_id, template), 201)


async def get_run(request: Request, caller: Caller) -> Response:
    """Answer a run."""
    submission, run = await _find(request, caller)
    await _require_member(request, caller, submission)
    return await _answer_run(request, caller, submission, run)


async def cancel_run(request: Request, caller: Caller) -> Response:
    """Take a run out of the queue, or end it."""
    body = await read_object(request, _CANCEL)
    reason = {"reason": read_text(body, "reason", 500)} if body.get("reason") else {}
    submission, run = await _find(request, caller)
    await _require_member(request, caller, submission)
    if run.state not in ACTIVE:
        raise StateError(f"The run has ended as {run.state}, so that it cannot be cancelled.")
    reply = await call(request, caller, "submission_cancel", submission_id=submission["id"], **reason)
    left = cancelled_run(reply["submission"], run, **reason)
    return await _answer_run(request, caller, reply["submission"], left)


async def delete_run(request: Request, caller: Caller) -> Response:
    """Remove a run that has ended, with its results."""
    submission, _ = await _find(request, caller)
    await _require_member(request, caller, submission)
    runs = runs_of(submission)
    if runs[-1].state in ACTIVE:
        raise StateError(f"The run {runs[-1].id} is active; cancel it first.")
    if len(runs) > 1:
        raise StateError(
            f"This is one of {len(runs)} attempts of one submission, which can be removed together only: remove the "
            f"submission {submission['id']} (submission_remove)."
        )
    await call(request, caller, "submission_remove", submission_id=submission["id"])
    return done()


async def download_archive(request: Request, caller: Caller) -> Response:
    """Answer the files of a run as an archive."""
    run = await _find_files(request, caller)
    return await send_archive(request, shelf_of(request), run.files)


async def download_file(request: Request, caller: Caller) -> Response:
    """Answer a file of a run."""
    file_id = path_name(request, "fileId")
    run = await _find_files(request, caller)
    file = next((each for each in run.files if each["id"] == file_id), None)
    if file is None:
        raise NotFoundError(f"The run has no file {file_id!r}.")
    return await send_file(request, shelf_of(request), file)


async def _find(request: Request, caller: Caller) -> Found:
    submission_id, attempt = read_run_id(path_name(request, "runId"))
    submission = (await call(request, caller, "submission_get", submission_id=submission_id))["submission"]
    if submission["workflow_id"] is None:
        raise NotFoundError(f"There is no run {submission_id!r}: it comes from no workflow.")
    return submission, find_run(submission, attempt)


async def _require_member(request: Request, caller: Caller, submission: Mapping[str, Any]) -> None:
    if submission["group_id"]:
        await find_own_group(request, caller, submission["group_id"])
    elif submission["creator"] != caller.identity.user:
        raise ForbiddenError("Only whoever has started the run may do this.")


async def _answer_run(request: Request, caller: Caller, submission: Mapping[str, Any], run: Run) -> Response:
    template = await _template_of(request, caller, submission)
    return answer(show_run(run, submission, submission["workflow_id"], template))


async def _find_files(request: Request, caller: Caller) -> Run:
    reader = admit_download(request, caller)
    submission, run = await _find(request, reader)
    if not has_open_downloads(request):
        await _require_member(request, reader, submission)
    if run.state != "SUCCESS":
        raise NotFoundError(f"The run {run.id} has no files: its state is {run.state}.")
    return run


async def _template_of(request: Request, caller: Caller, submission: Mapping[str, Any]) -> Template:
    """Return what the version of the workflow declares by which a submission was made."""
    return await find_template(request, caller, submission["workflow_id"], version=submission["workflow_version"])


ROUTES = (
    declare("groups:runs", READ, list_group_runs),
    declare("runs:start", WRITE, start_run),
    declare("runs:get", READ, get_run),
    declare("runs:cancel", WRITE, cancel_run),
    declare("runs:delete", WRITE, delete_run),
    declare("runs:download:archive", PUBLIC, download_archive),
    declare("runs:download:file", PUBLIC, download_file),
)
