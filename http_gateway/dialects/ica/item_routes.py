"""The routes that show the items of a batch: one of them, or a page."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from http_gateway.dialects.ica.addresses import PATH, READ, answer, path_ids, project_of
from http_gateway.dialects.ica.analyses import read_item
from http_gateway.dialects.ica.answers import SERIALIZERS, write_item
from http_gateway.dialects.ica.asking import call
from http_gateway.dialects.ica.batch_routes import find_batch
from http_gateway.dialects.ica.negotiation import Version, choose_version
from http_gateway.dialects.ica.paging import Page, read_page
from http_gateway.dialects.ica.service import service_of
from http_gateway.link import Caller
from http_gateway.routes import Route
from queue_server.protocol.errors import NotFoundError

_VERSIONS = (Version.V3, Version.V4)


async def get_item(request: Request, caller: Caller) -> Response:
    """Show an item of a batch, and the analysis that was created for it."""
    version = choose_version(request, _VERSIONS)
    batch_id, item_id = path_ids(request, "batchId", "itemId")
    project = project_of(request, caller)
    reply = await call(request, caller, "batch_item_get", batch_id=batch_id, item_id=item_id)
    submission = reply["submission"]
    # The manager finds an item by the id of its submission too; here it has one id.
    if submission["project"] != project or submission["item_id"] != item_id:
        raise NotFoundError(f"The project has no item {item_id} in a batch {batch_id}.")
    [written] = await _write_all(request, caller, version, [submission])
    return answer(written, version)


async def list_items(request: Request, caller: Caller) -> Response:
    """Show a page of the items of a batch, in their order."""
    version = choose_version(request, _VERSIONS)
    [batch_id] = path_ids(request, "batchId")
    project = project_of(request, caller)
    page = read_page(request)
    found = await _read_page(request, caller, batch_id, page)
    if not found["items"]:
        # Nothing on the page tells whose batch it is.
        await find_batch(request, caller, batch_id)
    elif found["items"][0]["project"] != project:
        raise NotFoundError(f"The project has no batch {batch_id}.")
    content: dict[str, Any] = {
        "items": await _write_all(request, caller, version, found["items"]),
        "nextPageToken": "",
    }
    if page.offset is not None:
        content["totalItemCount"] = found["total"]
    else:
        content["remainingRecords"] = found["remaining"]
        if found["next_cursor"] is not None:
            tokens = service_of(request).tokens
            content["nextPageToken"] = tokens.write(found["next_cursor"], batch_id, page.statuses)
    return answer(content, version)


async def _read_page(request: Request, caller: Caller, batch_id: str, page: Page) -> Any:
    place: dict[str, Any] = {}
    if page.offset is not None:
        place["offset"] = page.offset
    elif page.token:
        place["cursor"] = service_of(request).tokens.read(page.token, batch_id, page.statuses)
    if page.statuses:
        place["status"] = sorted(page.statuses)
    return await call(request, caller, "batch_items", batch_id=batch_id, limit=page.size, **place)


async def _write_all(
    request: Request, caller: Caller, version: Version, submissions: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    items = [read_item(submission) for submission in submissions]
    pipelines = await service_of(request).pipelines.find_all(request, caller, items)
    serializer = SERIALIZERS[version]
    return [write_item(serializer, item, pipeline) for item, pipeline in zip(items, pipelines, strict=True)]


_ITEMS = f"{PATH}/{{batchId}}/items"
ROUTES = (
    Route(verb="GET", path=_ITEMS, scope=READ, handler=list_items, summary="Show a page of the items of a batch."),
    Route(verb="GET", path=f"{_ITEMS}/{{itemId}}", scope=READ, handler=get_item, summary="Show an item of a batch."),
)
