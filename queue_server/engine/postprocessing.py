"""On which files a post-processing works: those of the results that are ranked when it starts, the best of each group.

Until then it only waits, so that one of them does for all results that come meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec.structs import replace

from queue_server.engine.workflow_results import default_order
from queue_server.protocol.items import Item
from queue_server.protocol.rankings import RankedRun
from queue_server.protocol.workflow_references import fill_references
from queue_server.protocol.workflows import SUBMISSIONS, Postprocessing, Workflow
from queue_server.storage.base import Transaction

MOST_PROCESSED: Final = 10_000
"""How many results one post-processing works on: the best ones."""

_FILLED: Final = ("args", "kwargs", "meta")


def find_ranked(tx: Transaction, workflow: Workflow) -> list[RankedRun]:
    """Return the runs in the default ranking of a workflow, the best of each group."""
    schema = workflow.fields.result_schema
    return [] if schema is None else tx.ranking(workflow.id, default_order(schema), limit=MOST_PROCESSED)


def fill_item(tx: Transaction, postprocessing: Postprocessing, ranked: Sequence[RankedRun]) -> dict[str, Any]:
    """Return the item with the artifact ids of the files of these runs, in their order."""
    files: dict[str, list[str]] = {name: [] for name in postprocessing.files}
    submissions: list[str] = []
    for submission, result in tx.read_ranked(ranked):
        submissions.append(submission.uid)
        for file in result.files:
            if file.name in files:
                files[file.name].append(file.artifact_id)
    return fill_references(postprocessing.item, {SUBMISSIONS: submissions, **files})


def take_ranked(tx: Transaction, item: Item, *, anew: bool = True) -> Item:
    """Return the item of a post-processing with the files on which it works; any other item as it is.

    ``anew``: they are those of the runs that are ranked now, which is noted; else those that were noted before.
    """
    known = tx.postprocessing(item.submission)
    submission = None if known is None else tx.submission(item.submission)
    if known is None or submission is None:
        return item
    workflow = tx.workflow(known.workflow, submission.version)
    if workflow is None or workflow.fields.postprocessing is None:
        return item
    ranked: Sequence[RankedRun] = find_ranked(tx, workflow) if anew else known.ranked
    if ranked != list(known.ranked):
        tx.change_postprocessing(replace(known, ranked=tuple(ranked)))
    return _refill(item, fill_item(tx, workflow.fields.postprocessing, ranked))


def _refill(item: Item, filled: Mapping[str, Any]) -> Item:
    changed = {name: filled[name] for name in _FILLED if name in filled}
    return replace(item, content={**item.content, **changed})
