"""What follows from the end of an attempt at a workflow, in the same transaction: its rank, and what it sets off."""

from __future__ import annotations

from msgspec.structs import replace

from queue_server.protocol.rankings import RANKED_OUTCOMES, RankedRun, RankEntry, SortColumn
from queue_server.protocol.result_schema import ResultSchema
from queue_server.protocol.submissions import AttemptResult
from queue_server.protocol.workflows import Workflow
from queue_server.storage.base import Transaction


def note_end(tx: Transaction, ended: AttemptResult) -> Workflow | None:
    """Rank a result that was just written; return its workflow if other results are to be post-processed now."""
    submission = tx.submission(ended.submission)
    if submission is None or submission.workflow is None:
        return None
    postprocessing = tx.postprocessing(submission.uid)
    if postprocessing is not None:
        if ended.outcome == "completed":
            tx.change_postprocessing(replace(postprocessing, has_succeeded=True))
        return None
    if ended.outcome not in RANKED_OUTCOMES or not ended.metrics or tx.workflow_version(submission.workflow) == 0:
        return None
    run = RankedRun(ended.submission, ended.attempt)
    entry = RankEntry(submission.workflow, run, submission.group, ended.time_stop, ended.metrics)
    tx.add_rank(entry)
    return find_affected(tx, entry.workflow, entry.entrant, run)


def find_affected(tx: Transaction, identity: str, entrant: str, run: RankedRun) -> Workflow | None:
    """Return the workflow if a run is the best of its entrant, and so one of those that are post-processed."""
    workflow = tx.workflow(identity)
    if workflow is None or workflow.fields.postprocessing is None or workflow.fields.result_schema is None:
        return None
    best = tx.best_of(identity, default_order(workflow.fields.result_schema), entrant)
    return workflow if best == run else None


def default_order(schema: ResultSchema) -> list[SortColumn]:
    """Return how results are ranked where nobody says how."""
    return [SortColumn(each.name, each.descending) for each in schema.default_order]
