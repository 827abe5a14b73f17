"""Workflows as flowserv shows them: the entries of their list, and their handles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from http_gateway.dialects.flowserv.attempts import served_run
from http_gateway.dialects.flowserv.parameters import show_parameters
from http_gateway.dialects.flowserv.run_documents import show_postprocessing


def describe_workflow(workflow: Mapping[str, Any]) -> dict[str, Any]:
    """Return an entry of the list of workflows."""
    texts = {name: workflow[name] for name in ("description", "instructions") if workflow.get(name)}
    return {"id": workflow["id"], "name": workflow["name"], **texts}


def show_workflow(
    workflow: Mapping[str, Any],
    postprocessing: Mapping[str, Any] | None,
    groups: Iterable[Mapping[str, Any]] | None,
) -> dict[str, Any]:
    """Return the handle of a workflow; ``groups`` are those of the caller, None for one who is not known."""
    shown: dict[str, Any] = {
        **describe_workflow(workflow),
        "parameters": show_parameters(workflow.get("parameters") or ()),
        "parameterGroups": [
            {"name": each["name"], "title": each["title"], "index": each["index"]}
            for each in workflow.get("parameter_groups") or ()
        ],
        **serve_postprocessing(workflow["id"], postprocessing),
    }
    if groups is not None:
        shown["groups"] = [describe_group(each) for each in groups]
    return shown


def serve_postprocessing(workflow_id: str, submission: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the key under which the run of post-processing stands, if there is one."""
    if submission is None:
        return {}
    return {"postproc": show_postprocessing(served_run(submission), submission, workflow_id)}


def describe_group(group: Mapping[str, Any]) -> dict[str, Any]:
    """Return an entry of a list of groups."""
    return {"id": group["id"], "name": group["name"], "workflow": group["workflow_id"]}
