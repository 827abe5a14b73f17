"""The work of a transaction on workflows, groups and rankings in memory, the same as that of the statements on rows."""

from __future__ import annotations

from collections.abc import Sequence

from queue_server.protocol.cursors import BEFORE_ALL, read_place
from queue_server.protocol.rankings import PostprocessingRun, RankedRun, RankEntry, SortColumn
from queue_server.protocol.submissions import AttemptResult, Submission
from queue_server.protocol.workflow_groups import Group, GroupFile
from queue_server.protocol.workflows import Workflow
from queue_server.storage.memory_submissions import FollowedTables
from queue_server.storage.sql import Row
from queue_server.storage.submission_content import read_results, read_submissions
from queue_server.storage.tables import StoredRecord, StoredWorkflow
from queue_server.storage.workflow_base import GroupPart, WorkflowPart
from queue_server.storage.workflow_content import (
    check_group,
    check_version,
    choose_columns,
    extend_slots,
    no_file,
    no_group,
    no_result,
    no_workflow,
    not_postprocessing,
    read_group,
    read_postprocessing,
    read_slots,
    read_version,
    taken,
    write_file,
    write_group,
    write_postprocessing,
    write_rank,
    write_slots,
    write_version,
)

_STOP, _VALUES = 4, 5
"""Where the row of a run has the time at which it ended, and the values of its columns."""


class WorkflowTables(FollowedTables):
    """The part of a transaction that works on workflows and groups; the promises are those of the port."""

    def put_workflow(self, workflow: Workflow) -> None:
        """Write a version of a workflow."""
        row = write_version(workflow)
        known = self._tables.workflows.get(workflow.id)
        check_version(workflow, 0 if known is None else known.version)
        slots = write_slots(extend_slots({} if known is None else read_slots(known.slots), workflow))
        place = self._tables.count("workflows") if known is None else known.place
        self._tables.put(self._tables.workflows, workflow.id, StoredWorkflow(place, workflow.version, slots))
        self._tables.put(self._tables.workflow_versions, (workflow.id, workflow.version), row)

    def remove_workflow(self, identity: str, time: float) -> None:
        """Let a workflow not be used any more."""
        known = self._tables.workflows.get(identity)
        if known is None or known.removed is not None:
            raise no_workflow(identity)
        removed = StoredWorkflow(known.place, known.version, known.slots, float(time))
        self._tables.put(self._tables.workflows, identity, removed)

    def workflow(self, identity: str, version: int | None = None) -> Workflow | None:
        """Return a version of a workflow."""
        known = self._tables.workflows.get(identity)
        if known is None or (version is None and known.removed is not None):
            return None
        row = self._tables.workflow_versions.get((identity, version or known.version))
        return None if row is None else read_version(row)

    def workflow_version(self, identity: str) -> int:
        """Return the newest version of a workflow."""
        known = self._tables.workflows.get(identity)
        return 0 if known is None else known.version

    def workflows(self, *, limit: int, cursor: str | None = None) -> WorkflowPart:
        """Return a part of the workflows."""
        begin = read_place(cursor, BEFORE_ALL)
        known = [(each.place, name) for name, each in self._tables.workflows.items() if each.removed is None]
        behind = sorted(entry for entry in known if entry[0] > begin)
        entries = [(str(place), each) for place, name in behind[:limit] if (each := self.workflow(name)) is not None]
        return WorkflowPart(entries, len(behind) > limit)

    def add_group(self, group: Group) -> None:
        """Write a new group."""
        row = write_group(group)
        if group.workflow not in self._tables.workflows:
            raise no_workflow(group.workflow)
        if group.id in self._tables.workflow_groups:
            raise taken("a group", group.id)
        self._check_name(group)
        place = self._tables.count("workflow_groups")
        self._tables.put(self._tables.workflow_groups, group.id, StoredRecord(0, place, row))

    def change_group(self, group: Group) -> None:
        """Write a group in the place of what it was."""
        row, present = write_group(group), self.group(group.id)
        if present is None:
            raise no_group(group.id)
        check_group(group, present)
        self._check_name(group)
        place = self._tables.workflow_groups[group.id].place
        self._tables.put(self._tables.workflow_groups, group.id, StoredRecord(0, place, row))

    def _check_name(self, group: Group) -> None:
        for _, other in self._all_groups():
            if (other.workflow, other.name) == (group.workflow, group.name) and other.id != group.id:
                raise taken("a group of this workflow with the name", group.name)

    def _all_groups(self) -> list[tuple[int, Group]]:
        stored = sorted(self._tables.workflow_groups.values(), key=lambda each: each.place)
        return [(each.place, read_group(each.row)) for each in stored]

    def remove_group(self, identity: str) -> None:
        """Remove a group with its files."""
        if identity not in self._tables.workflow_groups:
            raise no_group(identity)
        for key, stored in list(self._tables.files.items()):
            if stored.row[1] == identity:
                self._tables.drop(self._tables.files, key)
        self._tables.drop(self._tables.workflow_groups, identity)

    def group(self, identity: str) -> Group | None:
        """Return a group."""
        stored = self._tables.workflow_groups.get(identity)
        return None if stored is None else read_group(stored.row)

    def groups(
        self, *, limit: int, workflow: str | None = None, member: str | None = None, cursor: str | None = None
    ) -> GroupPart:
        """Return a part of the groups."""
        begin = read_place(cursor, BEFORE_ALL)
        fitting = [
            (str(place), group)
            for place, group in self._all_groups()
            if place > begin and workflow in (None, group.workflow) and (member is None or member in group.members)
        ]
        return GroupPart(fitting[:limit], len(fitting) > limit)

    def add_group_file(self, group: str, file: GroupFile) -> None:
        """Write a file of a group."""
        if group not in self._tables.workflow_groups:
            raise no_group(group)
        if file.id in self._tables.files:
            raise taken("a file", file.id)
        stored = StoredRecord(0, self._tables.count("files"), write_file(file, group=group))
        self._tables.put(self._tables.files, file.id, stored)

    def remove_group_file(self, group: str, file: str) -> None:
        """Remove a file of a group."""
        stored = self._tables.files.get(file)
        if stored is None or stored.row[1] != group:
            raise no_file(group, file)
        self._tables.drop(self._tables.files, file)

    def group_files(self, group: str) -> list[GroupFile]:
        """Return the files of a group."""
        stored = sorted(self._tables.files.values(), key=lambda each: each.place)
        return [GroupFile(each.row[0], *each.row[3:]) for each in stored if each.row[1] == group]


class RankingTables(WorkflowTables):
    """The part of a transaction that ranks results; the promises are those of the port."""

    def remove_submission(self, uid: str) -> None:
        """Forget a submission, and what finds it."""
        super().remove_submission(uid)
        for key in [key for key in self._tables.ranks if key[0] == uid]:
            self._tables.drop(self._tables.ranks, key)
        if uid in self._tables.postprocessing:
            self._tables.drop(self._tables.postprocessing, uid)

    def add_rank(self, entry: RankEntry) -> None:
        """Let a result take part in the ranking of its workflow."""
        known = self._tables.workflows.get(entry.workflow)
        key = (entry.run.submission, entry.run.attempt)
        if known is None:
            raise no_workflow(entry.workflow)
        if key not in self._tables.results:
            raise no_result(entry)
        if key in self._tables.ranks:
            raise taken("a rank of the submission", entry.run.submission)
        self._tables.put(self._tables.ranks, key, write_rank(entry, known.place, read_slots(known.slots)))

    def ranking(
        self, workflow: str, order: Sequence[SortColumn], *, limit: int, include_all: bool = False
    ) -> list[RankedRun]:
        """Return the ranked runs of a workflow."""
        rows = self._sorted(workflow, order)
        if not include_all:
            first: dict[str, Row] = {}
            for row in rows:
                first.setdefault(row[1], row)
            rows = list(first.values())
        return [RankedRun(row[2], row[3]) for row in rows[:limit]]

    def read_ranked(self, runs: Sequence[RankedRun]) -> list[tuple[Submission, AttemptResult]]:
        """Return the records and the results of ranked runs."""
        keys = [(run.submission, run.attempt) for run in runs]
        submissions = read_submissions([self._tables.submissions[uid][1:] for uid, _ in keys])
        return list(zip(submissions, read_results([self._tables.results[key] for key in keys]), strict=True))

    def best_of(self, workflow: str, order: Sequence[SortColumn], entrant: str) -> RankedRun | None:
        """Return the first run of an entrant."""
        rows = (row for row in self._sorted(workflow, order) if row[1] == entrant)
        return next((RankedRun(row[2], row[3]) for row in rows), None)

    def _sorted(self, workflow: str, order: Sequence[SortColumn]) -> list[Row]:
        known = self._tables.workflows.get(workflow)
        if known is None:
            return []
        rows = [row for row in self._tables.ranks.values() if row[0] == known.place]
        rows.sort(key=lambda row: (row[_STOP], row[2], row[3]))
        for slot, descending in reversed(choose_columns(order, read_slots(known.slots))):
            place = _VALUES + slot
            present = [row for row in rows if row[place] is not None]
            present.sort(key=lambda row: row[place], reverse=descending)
            rows = present + [row for row in rows if row[place] is None]
        return rows

    def add_postprocessing(self, run: PostprocessingRun) -> None:
        """Note that a submission is a post-processing."""
        if run.workflow not in self._tables.workflows:
            raise no_workflow(run.workflow)
        if run.submission not in self._tables.submissions:
            raise not_postprocessing(run.submission)
        if run.submission in self._tables.postprocessing:
            raise taken("a post-processing", run.submission)
        row = (run.workflow, *write_postprocessing(run))
        stored = StoredRecord(0, self._tables.count("postprocessing"), row)
        self._tables.put(self._tables.postprocessing, run.submission, stored)

    def change_postprocessing(self, run: PostprocessingRun) -> None:
        """Write on which runs a post-processing works, and whether it has succeeded."""
        known = self._tables.postprocessing.get(run.submission)
        if known is None:
            raise not_postprocessing(run.submission)
        stored = StoredRecord(0, known.place, (known.row[0], *write_postprocessing(run)))
        self._tables.put(self._tables.postprocessing, run.submission, stored)

    def postprocessing(self, submission: str) -> PostprocessingRun | None:
        """Return what is known of a submission as a post-processing."""
        known = self._tables.postprocessing.get(submission)
        return None if known is None else read_postprocessing(known.row)

    def newest_postprocessing(self, workflow: str, *, served: bool = False) -> PostprocessingRun | None:
        """Return the newest post-processing of a workflow, or the one that is served."""
        known = [each for each in self._tables.postprocessing.values() if each.row[0] == workflow]
        known.sort(key=lambda each: (each.row[3] if served else 0, each.place))
        return read_postprocessing(known[-1].row) if known else None
