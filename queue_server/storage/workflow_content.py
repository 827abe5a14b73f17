"""Workflows and groups as rows, and what every store refuses of them, in the same words. It runs no statement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from queue_server.protocol.errors import ConflictError, NotFoundError, ParameterError
from queue_server.protocol.rankings import (
    MOST_RANKED_COLUMNS,
    PostprocessingRun,
    RankEntry,
    SortColumn,
    comparable,
    read_runs,
)
from queue_server.protocol.workflow_groups import Group, GroupFile
from queue_server.protocol.workflows import LONGEST_WORKFLOW_BYTES, Workflow, WorkflowFields
from queue_server.storage import content

Row = tuple[Any, ...]
Slots = dict[str, Literal["number", "text"]]
"""The columns of all versions of a workflow in the order of their places in the ranking, and what their values are."""


def write_version(workflow: Workflow) -> Row:
    """Return the values of a version: workflow, version, origin, creator, time of creation, content.

    Raises:
        ParameterError: it cannot be stored as JSON, or is too large.
    """
    text = content.encode({"workflow": workflow.fields.plain(), "user_group": workflow.user_group})
    size_bytes = len(text.encode())
    if size_bytes > LONGEST_WORKFLOW_BYTES:
        raise ParameterError(
            f"'workflow' has {size_bytes} bytes of JSON; at most {LONGEST_WORKFLOW_BYTES} are stored.", field="workflow"
        )
    return (workflow.id, workflow.version, workflow.origin, workflow.creator, float(workflow.created), text)


def read_version(row: Row) -> Workflow:
    """Return the version that was written as ``row``."""
    _, version, origin, creator, created, text = row
    kept = content.decode(text)
    fields = WorkflowFields.model_validate(kept["workflow"])
    return Workflow(fields, version, creator, created, origin, kept["user_group"])


def write_slots(slots: Slots) -> str:
    """Return slots as text."""
    return content.encode({"columns": list(slots.items())})


def read_slots(text: str) -> Slots:
    """Return the slots that were written as ``text``."""
    return dict(content.decode(text)["columns"])


def extend_slots(slots: Slots, workflow: Workflow) -> Slots:
    """Return slots with those of the columns that a version adds.

    Raises:
        ParameterError: there are too many, or a column is a number in one version and a text in another.
    """
    schema = workflow.fields.result_schema
    extended = dict(slots)
    for index, column in enumerate(schema.columns if schema is not None else ()):
        kind = "text" if column.dtype == "string" else "number"
        if extended.setdefault(column.name, kind) != kind:
            raise ParameterError(
                f"'workflow.result_schema.columns[{index}]': the column {column.name!r} is a {extended[column.name]} "
                "in another version of this workflow; give the new one another name.",
                field=f"workflow.result_schema.columns[{index}]",
            )
    if len(extended) > MOST_RANKED_COLUMNS:
        raise ParameterError(
            f"'workflow.result_schema.columns': all versions of this workflow have {len(extended)} different columns; "
            f"at most {MOST_RANKED_COLUMNS} are accepted. Add a workflow with another id.",
            field="workflow.result_schema.columns",
        )
    return extended


def check_version(workflow: Workflow, newest: int) -> None:
    """Refuse a version that does not follow the newest one.

    Raises:
        ConflictError: it does not.
    """
    if workflow.version != newest + 1:
        raise ConflictError(f"Version {workflow.version} of {workflow.id} does not follow version {newest}.")


def write_group(group: Group) -> Row:
    """Return the values of a group: id, workflow, name, owner, members, time of creation, content.

    Raises:
        ParameterError: it cannot be stored as JSON.
    """
    more = {"parameters": list(group.parameters), "config": group.config}
    members = content.encode({"": list(group.members)})[4:-1]
    return (
        group.id,
        group.workflow,
        group.name,
        group.owner,
        members,
        float(group.created),
        content.encode(more),
    )


def read_group(row: Row) -> Group:
    """Return the group that was written as ``row``."""
    identity, workflow, name, owner, members, created, text = row
    more = content.decode(text)
    known = tuple(content.decode(f'{{"":{members}}}')[""])
    return Group(identity, name, workflow, owner, known, created, tuple(more["parameters"]), more["config"])


def check_group(group: Group, present: Group) -> None:
    """Refuse a change of what never changes.

    Raises:
        ConflictError: it does.
    """
    if (group.workflow, group.owner, group.created) != (present.workflow, present.owner, present.created):
        raise ConflictError(f"The workflow of the group {group.id}, who made it, and when, never change.")


def write_file(file: GroupFile, *, group: str | None = None, submission: str | None = None) -> Row:
    """Return the values of a file of a group, or of one that is registered, perhaps for a submission."""
    kept = (file.artifact_id, file.size_bytes, file.content_type, float(file.created))
    return (file.id, group, submission, file.name, *kept)


def write_rank(entry: RankEntry, workflow: int, slots: Slots) -> Row:
    """Return the values of a run in a ranking; ``workflow`` is the place of its workflow."""
    values = [comparable(entry.values.get(name)) for name in slots]
    empty = [None] * (MOST_RANKED_COLUMNS - len(values))
    key = (workflow, entry.entrant, entry.run.submission, entry.run.attempt, float(entry.time_stop))
    return (*key, *values, *empty)


def choose_columns(order: Sequence[SortColumn], slots: Slots) -> list[tuple[int, bool]]:
    """Return the places of the columns to sort by, and whether the largest values come first."""
    places = {name: place for place, name in enumerate(slots)}
    return [(places[column.name], column.descending) for column in order if column.name in places]


def write_postprocessing(run: PostprocessingRun) -> Row:
    """Return the values of a post-processing: submission, its runs, whether it has succeeded."""
    return (run.submission, write_runs(run), int(run.has_succeeded))


def write_runs(run: PostprocessingRun) -> str:
    """Return the runs of a post-processing as text."""
    return content.encode({"runs": [each.plain() for each in run.ranked]})


def read_postprocessing(row: Row) -> PostprocessingRun:
    """Return the post-processing of a row of workflow, submission, runs, and whether it has succeeded."""
    workflow, submission, text, succeeded = row
    return PostprocessingRun(workflow, submission, read_runs(content.decode(text)["runs"]), bool(succeeded))


def no_workflow(identity: str) -> NotFoundError:
    """Return the error for a workflow that is not there."""
    return NotFoundError(f"There is no workflow {identity!r}.")


def no_group(identity: str) -> NotFoundError:
    """Return the error for a group that is not there."""
    return NotFoundError(f"There is no group {identity!r}.")


def no_file(group: str, file: str) -> NotFoundError:
    """Return the error for a file that a group does not have."""
    return NotFoundError(f"The group {group!r} has no file {file!r}.")


def no_result(run: RankEntry) -> NotFoundError:
    """Return the error for a run without a result."""
    return NotFoundError(f"There is no result of attempt {run.run.attempt} of the submission {run.run.submission!r}.")


def not_postprocessing(submission: str) -> NotFoundError:
    """Return the error for a submission that is no post-processing."""
    return NotFoundError(f"The submission {submission!r} is no post-processing.")


def taken(what: str, name: str) -> ConflictError:
    """Return the error for what is there already."""
    return ConflictError(f"There is {what} {name!r} already.")
