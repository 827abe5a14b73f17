"""The order of results as rows: which runs of a workflow come first, found by an index without reading the results."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from queue_server.protocol.errors import ConflictError
from queue_server.protocol.rankings import PostprocessingRun, RankedRun, RankEntry, SortColumn
from queue_server.protocol.submissions import AttemptResult, Submission
from queue_server.storage.sql import Row, statement
from queue_server.storage.submission_content import read_results, read_submissions
from queue_server.storage.workflow_content import (
    Slots,
    choose_columns,
    no_result,
    no_workflow,
    not_postprocessing,
    read_postprocessing,
    taken,
    write_postprocessing,
    write_rank,
)
from queue_server.storage.workflow_rows import RegisteredWorkflowRows

INSERT_RANK = statement("insert_ranks")
SELECT_RESULT_KEY = statement("select_result_key")
LIST_RANKS = statement("list_ranks")
BEST_RANKS = statement("best_ranks")
BEST_RANK = statement("best_rank")
COUNT_ENTRANTS = statement("count_entrants")
INSERT_POSTPROCESSING = statement("insert_workflow_postprocessing")
UPDATE_POSTPROCESSING = statement("update_workflow_postprocessing")
SELECT_POSTPROCESSING = statement("select_workflow_postprocessing")
NEWEST_POSTPROCESSING = statement("newest_workflow_postprocessing")
SERVED_POSTPROCESSING = statement("served_workflow_postprocessing")
SELECT_FOLLOWED = statement("select_followed")
SELECT_SUBMISSIONS = statement("select_submissions_by_uid")
SELECT_RESULTS = statement("select_results")

_SORTED = "/*columns*/"
FEW_ENTRANTS = 1_000
"""Up to how many entrants each is asked for its best run."""
_SPARE = 4
"""How many times the wanted number of runs is read in the hope that so many entrants are among them."""


class RankingRows(RegisteredWorkflowRows):
    """The part of a transaction that ranks results; the promises are those of the port."""

    def add_rank(self, entry: RankEntry) -> None:
        """Let a result take part in the ranking of its workflow."""
        known = self._slots(entry.workflow)
        if known is None:
            raise no_workflow(entry.workflow)
        if self._database.row(SELECT_RESULT_KEY, (entry.run.submission, entry.run.attempt)) is None:
            raise no_result(entry)
        try:
            self._database.rows(INSERT_RANK, write_rank(entry, *known))
        except ConflictError as error:
            raise taken("a rank of the submission", entry.run.submission) from error

    def ranking(
        self, workflow: str, order: Sequence[SortColumn], *, limit: int, include_all: bool = False
    ) -> list[RankedRun]:
        """Return the ranked runs of a workflow."""
        known = self._slots(workflow)
        if known is None:
            return []
        place, slots = known
        if include_all:
            rows = self._database.rows(_sort(LIST_RANKS, order, slots), (place, limit))
        else:
            rows = self._find_best(place, _sort(LIST_RANKS, order, slots), _sort(BEST_RANKS, order, slots), limit)
        return [RankedRun(row[0], row[1]) for row in rows]

    def _find_best(self, place: int, text: str, text_of_best: str, limit: int) -> list[Row]:
        [(entrants,)] = self._database.rows(COUNT_ENTRANTS, (place, FEW_ENTRANTS))
        if entrants >= FEW_ENTRANTS:
            # With very many entrants it costs less to read some more runs, among which so many entrants mostly are.
            rows = self._database.rows(text, (place, limit * _SPARE))
            first = _first_of_each(rows)
            if len(first) >= limit or len(rows) < limit * _SPARE:
                return first[:limit]
        return self._database.rows(text_of_best, (place, limit))

    def read_ranked(self, runs: Sequence[RankedRun]) -> list[tuple[Submission, AttemptResult]]:
        """Return the records and the results of ranked runs."""
        uids = (orjson.dumps(list({run.submission for run in runs})).decode(),)
        known = {each.uid: each for each in read_submissions(self._database.rows(SELECT_SUBMISSIONS, uids))}
        found = read_results(self._database.rows(SELECT_RESULTS, uids))
        results = {(result.submission, result.attempt): result for result in found}
        return [(known[run.submission], results[run.submission, run.attempt]) for run in runs]

    def best_of(self, workflow: str, order: Sequence[SortColumn], entrant: str) -> RankedRun | None:
        """Return the first run of an entrant."""
        known = self._slots(workflow)
        if known is None:
            return None
        found = self._database.row(_sort(BEST_RANK, order, known[1]), (known[0], entrant))
        return None if found is None else RankedRun(found[0], found[1])

    def add_postprocessing(self, run: PostprocessingRun) -> None:
        """Note that a submission is a post-processing."""
        if self._slots(run.workflow) is None:
            raise no_workflow(run.workflow)
        if self._database.row(SELECT_FOLLOWED, (run.submission,)) is None:
            raise not_postprocessing(run.submission)
        try:
            self._database.rows(INSERT_POSTPROCESSING, (run.workflow, *write_postprocessing(run)))
        except ConflictError as error:
            raise taken("a post-processing", run.submission) from error

    def change_postprocessing(self, run: PostprocessingRun) -> None:
        """Write on which runs a post-processing works, and whether it has succeeded."""
        if not self._database.change(UPDATE_POSTPROCESSING, write_postprocessing(run)):
            raise not_postprocessing(run.submission)

    def postprocessing(self, submission: str) -> PostprocessingRun | None:
        """Return what is known of a submission as a post-processing."""
        found = self._database.row(SELECT_POSTPROCESSING, (submission,))
        return None if found is None else read_postprocessing(found)

    def newest_postprocessing(self, workflow: str, *, served: bool = False) -> PostprocessingRun | None:
        """Return the newest post-processing of a workflow, or the one that is served."""
        found = self._database.row(SERVED_POSTPROCESSING if served else NEWEST_POSTPROCESSING, (workflow,))
        return None if found is None else read_postprocessing(found)


def _sort(text: str, order: Sequence[SortColumn], slots: Slots) -> str:
    """Return a statement with the columns to sort by: nothing but numbers of ours goes into it."""
    columns = choose_columns(order, slots)
    return text.replace(
        _SORTED, "".join(f"v{slot} {'DESC' if descending else 'ASC'} NULLS LAST, " for slot, descending in columns)
    )


def _first_of_each(rows: Sequence[Row]) -> list[Row]:
    first: dict[str, Row] = {}
    for row in rows:
        first.setdefault(row[2], row)
    return list(first.values())
