"""Handlers of the methods about workflows: templates of work, their rankings, and the files of their results."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from queue_server.access.workflows import check_workflow
from queue_server.engine.workflow_results import default_order
from queue_server.handlers.context import TurnContext
from queue_server.handlers.group import group
from queue_server.handlers.workflow_files import take_files
from queue_server.handlers.workflow_records import asking_user, find_file, find_workflow, show_served
from queue_server.protocol.errors import ConflictError, NotFoundError, ParameterError, StateError
from queue_server.protocol.listing import Roll
from queue_server.protocol.method import Done
from queue_server.protocol.methods.workflows import (
    FileReply,
    Manifest,
    SortColumnParams,
    WorkflowArchiveParams,
    WorkflowEditParams,
    WorkflowFileParams,
    WorkflowFound,
    WorkflowGetParams,
    WorkflowListParams,
    WorkflowPage,
    WorkflowRanking,
    WorkflowRankingParams,
    WorkflowReloadParams,
    WorkflowRemoveParams,
    WorkflowShown,
    WorkflowsReloaded,
)
from queue_server.protocol.rankings import RankedRun, SortColumn
from queue_server.protocol.result_schema import ResultSchema
from queue_server.protocol.submissions import AttemptResult
from queue_server.protocol.workflows import DEFAULT_USER_GROUP, Workflow, read_workflow

_log = logging.getLogger(__name__)


def list_workflows(context: TurnContext, params: WorkflowListParams) -> WorkflowPage:
    """Return a page of the workflows."""
    part = context.turn.tx.workflows(limit=params.limit, cursor=params.cursor)
    shown = Roll(workflow.shown() for _, workflow in part.entries)
    return WorkflowPage(shown, part.entries[-1][0] if part.has_more else None)


def get_workflow(context: TurnContext, params: WorkflowGetParams) -> WorkflowFound:
    """Return a workflow, and its served post-processing."""
    workflow = find_workflow(context, params.workflow_id, params.version)
    return WorkflowFound(workflow.shown(), show_served(context, workflow.id))


def add_workflow(context: TurnContext, params: WorkflowEditParams) -> WorkflowShown:
    """Add a workflow; one of that id which was removed before goes on with its versions."""
    fields = read_workflow(params.workflow)
    check_workflow(fields)
    if context.turn.tx.workflow(fields.id) is not None:
        raise ConflictError(f"There is a workflow {fields.id!r} already; change it with workflow_update.")
    version = context.turn.tx.workflow_version(fields.id) + 1
    return _put(context, Workflow(fields, version, **_sign(context, params)))


def update_workflow(context: TurnContext, params: WorkflowEditParams) -> WorkflowShown:
    """Put a new version of a workflow in the place of the present one; the same again changes nothing."""
    fields = read_workflow(params.workflow)
    check_workflow(fields)
    present = find_workflow(context, fields.id)
    if present.origin == "file":
        raise StateError(
            f"The workflow {fields.id!r} comes from a file of the manager: change that, then reload (workflow_reload)."
        )
    if fields == present.fields:
        return WorkflowShown(present.shown())
    return _put(context, Workflow(fields, present.version + 1, **_sign(context, params)))


def _sign(context: TurnContext, params: WorkflowEditParams) -> dict[str, Any]:
    return {
        "creator": asking_user(context, params),
        "created": float(context.turn.now),
        "user_group": params.user_group or context.origin.group or DEFAULT_USER_GROUP,
    }


def _put(context: TurnContext, workflow: Workflow) -> WorkflowShown:
    context.turn.tx.put_workflow(workflow)
    _tell(context, workflow.id, version=workflow.version)
    return WorkflowShown(workflow.shown())


def _tell(context: TurnContext, identity: str, **data: object) -> None:
    context.turn.record(context.method, origin=context.origin, data={"workflow_id": identity, **data})


def remove_workflow(context: TurnContext, params: WorkflowRemoveParams) -> Done:
    """Let a workflow not be used any more."""
    context.turn.tx.remove_workflow(params.workflow_id, context.turn.now)
    _tell(context, params.workflow_id)
    return Done()


def reload_workflows(context: TurnContext, _: WorkflowReloadParams) -> WorkflowsReloaded:
    """Read the files of workflows again."""
    directory = context.desk.workflow_files
    if directory is None:
        raise NotFoundError("No directory of workflows is set: start the manager with the setting workflows.")
    found = take_files(context.turn, directory)
    context.turn.record(
        context.method,
        origin=context.origin,
        data={"added": found.added, "changed": found.changed, "removed": found.removed},
    )
    return found


def rank_results(context: TurnContext, params: WorkflowRankingParams) -> WorkflowRanking:
    """Return the results of a workflow in order."""
    workflow = find_workflow(context, params.workflow_id)
    schema = workflow.fields.result_schema
    if schema is None:
        return WorkflowRanking()
    order = _read_order(schema, params.order_by)
    runs = context.turn.tx.ranking(workflow.id, order, limit=params.limit, include_all=params.include_all)
    return WorkflowRanking(schema.plain(), _show_entries(context, schema, runs), show_served(context, workflow.id))


def _read_order(schema: ResultSchema, given: Sequence[SortColumnParams] | None) -> list[SortColumn]:
    if not given:
        return default_order(schema)
    for index, column in enumerate(given):
        if schema.column(column.name) is None:
            known = ", ".join(each.name for each in schema.columns)
            raise ParameterError(
                f"'order_by[{index}].name': there is no column {column.name!r}; the columns are {known}.",
                field=f"order_by[{index}].name",
            )
    return [SortColumn(column.name, column.descending) for column in given]


def _show_entries(context: TurnContext, schema: ResultSchema, runs: Sequence[RankedRun]) -> Roll:
    groups: dict[str, dict[str, str] | None] = {}
    entries = Roll()
    for rank, (submission, result) in enumerate(context.turn.tx.read_ranked(runs), 1):
        named = submission.group
        if named is not None and named not in groups:
            found = context.turn.tx.group(named)
            groups[named] = None if found is None else {"id": found.id, "name": found.name}
        entries.append(
            {
                "rank": rank,
                "submission_id": submission.uid,
                "attempt": result.attempt,
                "group": None if named is None else groups[named],
                "time_created": submission.created,
                "time_start": result.time_start,
                "time_stop": result.time_stop,
                "values": _select(schema, result),
            }
        )
    return entries


def _select(schema: ResultSchema, result: AttemptResult) -> dict[str, Any]:
    return {column.name: result.metrics[column.name] for column in schema.columns if column.name in result.metrics}


def list_files(context: TurnContext, params: WorkflowArchiveParams) -> Manifest:
    """Return the files of the served post-processing."""
    result = _find_served(context, params.workflow_id)
    return Manifest(Roll(file.shown() for file in result.files), result.submission, result.attempt)


def get_file(context: TurnContext, params: WorkflowFileParams) -> FileReply:
    """Return a file of the served post-processing."""
    return find_file([_find_served(context, params.workflow_id)], params.file_id)


def _find_served(context: TurnContext, identity: str) -> AttemptResult:
    workflow = find_workflow(context, identity)
    served = context.turn.tx.newest_postprocessing(workflow.id, served=True)
    if served is not None and served.has_succeeded:
        results = context.turn.tx.results_of(served.submission)
        for result in reversed(results):
            if result.outcome == "completed":
                return result
    raise NotFoundError(f"No post-processing of the workflow {identity!r} has succeeded yet.")


GROUP = group(
    turn={
        "workflow_list": list_workflows,
        "workflow_get": get_workflow,
        "workflow_add": add_workflow,
        "workflow_update": update_workflow,
        "workflow_remove": remove_workflow,
        "workflow_reload": reload_workflows,
        "workflow_ranking": rank_results,
        "workflow_result_archive": list_files,
        "workflow_result_file": get_file,
    }
)
