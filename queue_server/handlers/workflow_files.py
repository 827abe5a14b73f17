"""When the files of workflows count: at a start of the manager, and when a client asks for them. Writes no file."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

from queue_server.access.policy import ROOT
from queue_server.access.workflow_files import read_workflow_files
from queue_server.engine.turn import Turn
from queue_server.protocol.errors import ParameterError
from queue_server.protocol.methods.workflows import WorkflowsReloaded
from queue_server.protocol.workflows import Workflow, WorkflowFields
from queue_server.storage.base import Transaction

_log = logging.getLogger(__name__)

_PAGE = 500


def take_files_at_start(turn: Turn, directory: Path | None) -> None:
    """Take the workflows of the files; what cannot be used is logged, and stops nothing."""
    if directory is None:
        return
    try:
        take_files(turn, directory)
    except ParameterError as error:
        _log.error("%s", error.message)


def take_files(turn: Turn, directory: Path) -> WorkflowsReloaded:
    """Make the workflows of the files those of the manager.

    A workflow whose file is gone is removed, unless another file cannot be used, which may have been about it.

    Raises:
        ParameterError: the directory cannot be read.
    """
    found = read_workflow_files(directory)
    told = WorkflowsReloaded(problems=dict(found.problems))
    for fields in found.workflows.values():
        try:
            with turn.tx.savepoint():
                _take(turn, fields, told)
        except ParameterError as error:
            told.problems[fields.id] = error.message
    if not told.problems:
        gone = [each.id for each in _all_from_files(turn.tx) if each.id not in found.workflows]
        for identity in gone:
            turn.tx.remove_workflow(identity, turn.now)
            told.removed.append(identity)
    for name, problem in told.problems.items():
        _log.error("The workflow file %s in %s is not used: %s", name, directory, problem)
    _log.info("Workflows of %s: %d added, %d changed", directory, len(told.added), len(told.changed))
    return told


def _take(turn: Turn, fields: WorkflowFields, told: WorkflowsReloaded) -> None:
    present = turn.tx.workflow(fields.id)
    if present is not None and present.origin != "file":
        raise ParameterError(
            f"There is a workflow {fields.id!r} that was added by a request: remove that one, or give this another id."
        )
    if present is not None and present.fields == fields:
        return
    version = turn.tx.workflow_version(fields.id) + 1
    # Whoever may write these files decides what the manager does.
    turn.tx.put_workflow(Workflow(fields, version, "", float(turn.now), "file", ROOT))
    (told.added if present is None else told.changed).append(fields.id)


def _all_from_files(tx: Transaction) -> Iterator[Workflow]:
    cursor: str | None = None
    while True:
        part = tx.workflows(limit=_PAGE, cursor=cursor)
        yield from (workflow for _, workflow in part.entries if workflow.origin == "file")
        if not part.has_more:
            return
        cursor = part.entries[-1][0]
