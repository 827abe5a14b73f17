"""Runs as flowserv shows them: handles and lists, with the files that successful ones have left."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from http_gateway.dialects.flowserv.arguments import show_arguments
from http_gateway.dialects.flowserv.attempts import ACTIVE, Run, RunState, runs_of
from http_gateway.dialects.flowserv.parameters import show_parameters
from http_gateway.dialects.flowserv.templates import Template
from http_gateway.dialects.flowserv.times import show_time

_SHOWN_WITH_FILES = ("title", "caption", "widget", "format")


def describe_run(run: Run) -> dict[str, Any]:
    """Return an entry of a list of runs."""
    return {"id": run.id, "state": run.state, "createdAt": show_time(run.created)}


def list_runs(submissions: Iterable[Mapping[str, Any]], state: RunState | None = None) -> list[dict[str, Any]]:
    """Return the runs of submissions, the oldest first; those in a state only, if one is given."""
    found = [run for each in submissions for run in runs_of(each) if state in (None, run.state)]
    return [describe_run(run) for run in sorted(found, key=lambda run: (run.created, run.id))]


def show_run(run: Run, submission: Mapping[str, Any], workflow_id: str, template: Template) -> dict[str, Any]:
    """Return the handle of a run; one of a group shows the parameters too."""
    arguments = show_arguments(submission.get("arguments") or {}, template.parameters)
    shown = {**describe_run(run), "workflowId": workflow_id, "arguments": arguments}
    if submission.get("group_id"):
        shown |= {"groupId": submission["group_id"], "parameters": show_parameters(template.parameters)}
    return shown | _show_progress(run, template)


def show_postprocessing(run: Run, submission: Mapping[str, Any], workflow_id: str) -> dict[str, Any]:
    """Return the handle of a run of post-processing, which has neither a group nor parameters of its own."""
    arguments = show_arguments(submission.get("arguments") or {}, ())
    return {**describe_run(run), "workflowId": workflow_id, "arguments": arguments, **_show_progress(run, Template())}


def _show_progress(run: Run, template: Template) -> dict[str, Any]:
    if run.state == "PENDING":
        return {}
    shown: dict[str, Any] = {"startedAt": show_time(run.started)}
    if run.state in ACTIVE:
        return shown
    shown["finishedAt"] = show_time(run.finished)
    if run.state != "SUCCESS":
        return {**shown, "messages": list(run.messages)}
    return {**shown, "files": [_show_file(each, template) for each in run.files]}


def _show_file(file: Mapping[str, Any], template: Template) -> dict[str, Any]:
    nothing: Mapping[str, Any] = {}
    output = next((each for each in template.outputs if each["key"] == file["name"]), nothing)
    extra = {name: output[name] for name in _SHOWN_WITH_FILES if output.get(name)}
    return {"id": file["id"], "name": file["name"], **extra}
