"""Workflows as pipelines: their names here and there, and what is kept of what the manager says about them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final

from starlette.requests import Request

from http_gateway.dialects.ica import identities
from http_gateway.dialects.ica.analyses import UNKNOWN_TIME, BatchItem, Pipeline, write_time
from http_gateway.dialects.ica.asking import call
from http_gateway.link import Caller
from queue_server.protocol.errors import ForbiddenError, NotFoundError

_PAGE: Final = 500
_MOST_KEPT: Final = 1_000


class Pipelines:
    """What pipelines are called and described as: a version of a workflow never changes, so what was read is kept."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, int], Pipeline] = OrderedDict()

    async def find_all(self, request: Request, caller: Caller, items: list[BatchItem]) -> list[Pipeline]:
        """Return the pipeline of each item."""
        found: dict[tuple[str, int], Pipeline] = {}
        for item in items:
            key = (item.workflow, item.version)
            if key not in found:
                found[key] = await self._find(request, caller, item)
        return [found[item.workflow, item.version] for item in items]

    async def _find(self, request: Request, caller: Caller, item: BatchItem) -> Pipeline:
        key = (item.workflow, item.version)
        if not item.workflow:
            return Pipeline("none", "Items that were created without a workflow.", UNKNOWN_TIME, "")
        if key in self._known:
            self._known.move_to_end(key)
            return self._known[key]
        try:
            reply = await call(request, caller, "workflow_get", workflow_id=item.workflow, version=item.version)
        except (NotFoundError, ForbiddenError):
            # It was removed, or the key in use is for batches only.
            return Pipeline(item.workflow, "", UNKNOWN_TIME, "")
        self._known[key] = _read_pipeline(reply["workflow"])
        if len(self._known) > _MOST_KEPT:
            self._known.popitem(last=False)
        return self._known[key]


def _read_pipeline(workflow: Mapping[str, Any]) -> Pipeline:
    described = workflow.get("description") or workflow.get("name") or ""
    return Pipeline(workflow["id"], described, write_time(workflow["created"]), workflow.get("creator") or "")


async def name_workflows(request: Request, caller: Caller, items: list[dict[str, Any]]) -> None:
    """Put the ids of workflows in place of the ids under which clients see them as pipelines."""
    if not any(identities.is_uuid(item["workflow_id"]) for item in items):
        return
    names = await _list_workflows(request, caller)
    by_pipeline = {identities.pipeline_id(name): name for name in names}
    for item in items:
        given = item["workflow_id"]
        if given not in names:
            item["workflow_id"] = by_pipeline.get(given.lower(), given)


async def _list_workflows(request: Request, caller: Caller) -> set[str]:
    names: set[str] = set()
    cursor: str | None = None
    while True:
        try:
            page = await call(request, caller, "workflow_list", limit=_PAGE, cursor=cursor)
        except ForbiddenError:
            # The key in use is for batches only.
            return names
        names |= {workflow["id"] for workflow in page["workflows"]}
        cursor = page.get("next_cursor")
        if cursor is None:
            return names
