"""The routes of workflows, their rankings, and the files of their post-processing."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from http_gateway.authorize import PUBLIC
from http_gateway.dialects.flowserv.admission import admit_download, admit_reader
from http_gateway.dialects.flowserv.asking import answer, call, pages, path_name
from http_gateway.dialects.flowserv.rankings import read_include_all, read_order, show_ranking
from http_gateway.dialects.flowserv.route import declare
from http_gateway.dialects.flowserv.workflow_documents import describe_workflow, show_workflow
from http_gateway.link import Caller
from http_gateway.result_files.downloads import send_archive, send_file
from http_gateway.result_files.shelf import shelf_of
from queue_server.protocol.methods.workflows import MOST_RANKED


async def list_workflows(request: Request, caller: Caller) -> Response:
    """List all workflows."""
    reader = admit_reader(request, caller)
    found = [describe_workflow(each) async for each in pages(request, reader, "workflow_list", "workflows")]
    return answer({"workflows": found})


async def get_workflow(request: Request, caller: Caller) -> Response:
    """Answer a workflow with its parameters, and the groups of the caller."""
    reader, workflow_id = admit_reader(request, caller), path_name(request, "workflowId")
    reply = await call(request, reader, "workflow_get", workflow_id=workflow_id)
    groups = None
    if not caller.identity.is_anonymous:
        user = caller.identity.user
        known = pages(request, caller, "workflow_group_list", "groups", workflow_id=workflow_id, member=user)
        groups = [each async for each in known]
    return answer(show_workflow(reply["workflow"], reply.get("postprocessing"), groups))


async def get_ranking(request: Request, caller: Caller) -> Response:
    """Answer the ranking of a workflow; null for a workflow that has none."""
    reader, workflow_id = admit_reader(request, caller), path_name(request, "workflowId")
    order = read_order(request.query_params.get("orderBy"))
    include_all = read_include_all(request.query_params.get("includeAll"))
    wanted = {"order_by": order, "include_all": include_all, "limit": MOST_RANKED}
    reply = await call(request, reader, "workflow_ranking", workflow_id=workflow_id, **wanted)
    if reply.get("schema") is None:
        return answer(None)
    columns = reply["schema"]["columns"]
    return answer(show_ranking(workflow_id, columns, reply["ranking"], reply.get("postprocessing")))


async def download_archive(request: Request, caller: Caller) -> Response:
    """Answer the files of the post-processing of a workflow as an archive."""
    reader, workflow_id = admit_download(request, caller), path_name(request, "workflowId")
    reply = await call(request, reader, "workflow_result_archive", workflow_id=workflow_id)
    return await send_archive(request, shelf_of(request), reply["manifest"])


async def download_file(request: Request, caller: Caller) -> Response:
    """Answer a file of the post-processing of a workflow."""
    reader, workflow_id = admit_download(request, caller), path_name(request, "workflowId")
    file_id = path_name(request, "fileId")
    file = (await call(request, reader, "workflow_result_file", workflow_id=workflow_id, file_id=file_id))["file"]
    return await send_file(request, shelf_of(request), file)


ROUTES = (
    declare("workflows:list", PUBLIC, list_workflows),
    declare("workflows:get", PUBLIC, get_workflow),
    declare("leaderboard", PUBLIC, get_ranking),
    declare("workflows:download:archive", PUBLIC, download_archive),
    declare("workflows:download:file", PUBLIC, download_file),
)
