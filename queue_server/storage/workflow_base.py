"""The part of the store's port that keeps workflows, their groups and their rankings: what every store promises."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from queue_server.protocol.rankings import PostprocessingRun, RankedRun, RankEntry, SortColumn
from queue_server.protocol.submissions import AttemptResult, Submission
from queue_server.protocol.workflow_groups import Group, GroupFile
from queue_server.protocol.workflows import Workflow


class WorkflowPart(Struct, frozen=True):
    """A part of the workflows in order, each with the cursor that goes on behind it, and whether there are others."""

    entries: list[tuple[str, Workflow]]
    has_more: bool


class GroupPart(Struct, frozen=True):
    """A part of the groups in order, each with the cursor that goes on behind it, and whether there are others."""

    entries: list[tuple[str, Group]]
    has_more: bool


class WorkflowRows(Protocol):
    """What can be done to workflows, groups and rankings, inside a transaction."""

    def put_workflow(self, workflow: Workflow) -> None:
        """Write a version of a workflow; one that was removed can be used again from then on.

        Raises:
            ConflictError: the version does not follow the newest one, or is not 1 where there is none.
            ParameterError: it is too large, its columns are too many together with those of earlier versions, or a
                column is a number in one version and a text in another.
        """
        ...

    def remove_workflow(self, identity: str, time: float) -> None:
        """Let a workflow not be used any more; whoever has submitted it still finds its versions.

        Raises:
            NotFoundError: there is none of that id that can be used.
        """
        ...

    def workflow(self, identity: str, version: int | None = None) -> Workflow | None:
        """Return the newest version of a workflow that can be used, or any version of any workflow, or None."""
        ...

    def workflow_version(self, identity: str) -> int:
        """Return the newest version of a workflow, be it removed or not; 0 if there is none."""
        ...

    def workflows(self, *, limit: int, cursor: str | None = None) -> WorkflowPart:
        """Return the newest versions of workflows in order of creation: at most ``limit`` (1 or more).

        Raises:
            ParameterError: no list gives such a cursor.
        """
        ...

    def add_group(self, group: Group) -> None:
        """Write a new group, behind all others.

        Raises:
            ConflictError: the id is taken, or the name within the workflow.
            NotFoundError: there never was such a workflow.
            ParameterError: it cannot be stored as JSON.
        """
        ...

    def change_group(self, group: Group) -> None:
        """Write a group in the place of what it was; its workflow, its owner and its time of creation never change.

        Raises:
            NotFoundError: there is none of that id.
            ConflictError: the name is taken within the workflow, or what never changes does.
        """
        ...

    def remove_group(self, identity: str) -> None:
        """Remove a group with its files.

        Raises:
            NotFoundError: there is none of that id.
        """
        ...

    def group(self, identity: str) -> Group | None:
        """Return a group, or None."""
        ...

    def groups(
        self, *, limit: int, workflow: str | None = None, member: str | None = None, cursor: str | None = None
    ) -> GroupPart:
        """Return groups in order of creation, of a workflow and with a member if these are given.

        Raises:
            ParameterError: no list gives such a cursor.
        """
        ...

    def add_group_file(self, group: str, file: GroupFile) -> None:
        """Write a file of a group, behind its others.

        Raises:
            NotFoundError: there is no such group.
            ConflictError: there is a file of that id.
        """
        ...

    def remove_group_file(self, group: str, file: str) -> None:
        """Remove a file of a group; its bytes are not touched.

        Raises:
            NotFoundError: the group has no such file.
        """
        ...

    def group_files(self, group: str) -> list[GroupFile]:
        """Return the files of a group in the order in which they were added."""
        ...

    def add_rank(self, entry: RankEntry) -> None:
        """Let a result that is stored take part in the ranking of its workflow, once; it goes with its submission.

        Values of columns that no version of the workflow has are left out.

        Raises:
            NotFoundError: there never was such a workflow, or there is no such result.
            ConflictError: the run is ranked already.
        """
        ...

    def ranking(
        self, workflow: str, order: Sequence[SortColumn], *, limit: int, include_all: bool = False
    ) -> list[RankedRun]:
        """Return the ranked runs of a workflow, at most ``limit``; without ``include_all`` the best of each entrant.

        They are sorted by the columns, missing values last; then by the time at which they ended and by their ids.
        Columns that no version of the workflow has are passed over.
        """
        ...

    def read_ranked(self, runs: Sequence[RankedRun]) -> list[tuple[Submission, AttemptResult]]:
        """Return the records and the results of ranked runs, in the given order."""
        ...

    def best_of(self, workflow: str, order: Sequence[SortColumn], entrant: str) -> RankedRun | None:
        """Return the first run of an entrant in that order, or None if it has none."""
        ...

    def add_postprocessing(self, run: PostprocessingRun) -> None:
        """Note that a followed submission is a post-processing.

        Raises:
            NotFoundError: there never was such a workflow, or the submission is not followed.
            ConflictError: it is noted already.
        """
        ...

    def change_postprocessing(self, run: PostprocessingRun) -> None:
        """Write on which runs a post-processing works, and whether it has succeeded.

        Raises:
            NotFoundError: the submission is no post-processing.
        """
        ...

    def postprocessing(self, submission: str) -> PostprocessingRun | None:
        """Return what is known of a submission as a post-processing, or None if it is none."""
        ...

    def newest_postprocessing(self, workflow: str, *, served: bool = False) -> PostprocessingRun | None:
        """Return the newest post-processing of a workflow, or None.

        The one that is served is the newest that has succeeded, if there is one.
        """
        ...
