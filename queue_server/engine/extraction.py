"""What a worker is told to take of an attempt besides its runs: metrics by a result schema, and declared files."""

from __future__ import annotations

import logging

from queue_server.protocol.items import EXTRACTION_KEYS, Item
from queue_server.protocol.result_schema import Extraction
from queue_server.protocol.workflows import WorkflowFields
from queue_server.storage.base import Transaction

_log = logging.getLogger(__name__)


def extraction_of(tx: Transaction, item: Item) -> Extraction | None:
    """Return what the workflow of its submission says, else what the item says; None if neither says anything.

    Of a workflow with several steps that is the last one: its submission is the one that is followed.
    """
    submission = tx.submission(item.submission)
    # What works on the files of ranked results has neither metrics nor declared files of the workflow.
    if submission is None or submission.workflow is None or tx.postprocessing(submission.uid) is not None:
        return _read_item(item)
    workflow = tx.workflow(submission.workflow, submission.version)
    said = None if workflow is None else _read_workflow(workflow.fields)
    return _read_item(item) if said is None else said


def _read_workflow(fields: WorkflowFields) -> Extraction | None:
    if fields.result_schema is None and not fields.outputs:
        return None
    sources = tuple(dict.fromkeys(output.source for output in fields.outputs))
    return Extraction(result_schema=fields.result_schema, outputs=sources)


def _read_item(item: Item) -> Extraction | None:
    said = {name: item.content[name] for name in EXTRACTION_KEYS if name in item.content}
    if not said:
        return None
    try:
        return Extraction.model_validate(said)
    except ValueError as error:
        # It was checked when it was added; what was written into the store by other means may be wrong.
        _log.error("The item %s has no results, because it does not say well which: %s", item.uid, error)
        return None
