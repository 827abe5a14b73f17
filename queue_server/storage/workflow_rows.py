"""Workflows, their groups and the files of these as rows: what statements do to their tables."""

from __future__ import annotations

from queue_server.protocol.cursors import BEFORE_ALL, read_place
from queue_server.protocol.errors import ConflictError
from queue_server.protocol.workflow_groups import Group, GroupFile
from queue_server.protocol.workflows import Workflow
from queue_server.storage.database import Rows
from queue_server.storage.sql import statement
from queue_server.storage.workflow_base import GroupPart, WorkflowPart
from queue_server.storage.workflow_content import (
    Slots,
    check_group,
    check_version,
    extend_slots,
    no_file,
    no_group,
    no_workflow,
    read_group,
    read_slots,
    read_version,
    taken,
    write_file,
    write_group,
    write_slots,
    write_version,
)

INSERT_WORKFLOW = statement("insert_workflows")
UPDATE_WORKFLOW = statement("update_workflows")
SELECT_WORKFLOW = statement("select_workflows")
LIST_WORKFLOWS = statement("list_workflows")
INSERT_VERSION = statement("insert_workflow_versions")
SELECT_VERSION = statement("select_workflow_versions")
INSERT_GROUP = statement("insert_workflow_groups")
UPDATE_GROUP = statement("update_workflow_groups")
SELECT_GROUP = statement("select_workflow_groups")
FIND_GROUP = statement("find_workflow_group")
LIST_GROUPS = statement("list_workflow_groups")
DELETE_GROUP = statement("delete_workflow_groups")
INSERT_FILE = statement("insert_files")
SELECT_FILES = statement("select_files_of_group")
DELETE_FILE = statement("delete_files_of_group")


class RegisteredWorkflowRows(Rows):
    """The part of a transaction that works on workflows and groups; the promises are those of the port."""

    def put_workflow(self, workflow: Workflow) -> None:
        """Write a version of a workflow."""
        row = write_version(workflow)
        present = self._database.row(SELECT_WORKFLOW, (workflow.id,))
        check_version(workflow, 0 if present is None else present[1])
        slots = extend_slots({} if present is None else read_slots(present[2]), workflow)
        text = INSERT_WORKFLOW if present is None else UPDATE_WORKFLOW
        self._database.rows(text, (workflow.id, workflow.version, write_slots(slots), None))
        self._database.rows(INSERT_VERSION, row)

    def remove_workflow(self, identity: str, time: float) -> None:
        """Let a workflow not be used any more."""
        present = self._database.row(SELECT_WORKFLOW, (identity,))
        if present is None or present[3] is not None:
            raise no_workflow(identity)
        self._database.rows(UPDATE_WORKFLOW, (identity, present[1], present[2], float(time)))

    def workflow(self, identity: str, version: int | None = None) -> Workflow | None:
        """Return a version of a workflow."""
        if version is None:
            present = self._database.row(SELECT_WORKFLOW, (identity,))
            if present is None or present[3] is not None:
                return None
            version = present[1]
        found = self._database.row(SELECT_VERSION, (identity, version))
        return None if found is None else read_version(found)

    def workflow_version(self, identity: str) -> int:
        """Return the newest version of a workflow."""
        present = self._database.row(SELECT_WORKFLOW, (identity,))
        return 0 if present is None else present[1]

    def workflows(self, *, limit: int, cursor: str | None = None) -> WorkflowPart:
        """Return a part of the workflows."""
        rows = self._database.rows(LIST_WORKFLOWS, (read_place(cursor, BEFORE_ALL), limit + 1))
        return WorkflowPart([(str(row[0]), read_version(row[1:])) for row in rows[:limit]], len(rows) > limit)

    def _slots(self, identity: str) -> tuple[int, Slots] | None:
        """Return the place of a workflow, and its slots."""
        present = self._database.row(SELECT_WORKFLOW, (identity,))
        return None if present is None else (present[0], read_slots(present[2]))

    def add_group(self, group: Group) -> None:
        """Write a new group."""
        row = write_group(group)
        if self._slots(group.workflow) is None:
            raise no_workflow(group.workflow)
        if self.group(group.id) is not None:
            raise taken("a group", group.id)
        self._check_name(group)
        self._database.rows(INSERT_GROUP, row)

    def change_group(self, group: Group) -> None:
        """Write a group in the place of what it was."""
        row, present = write_group(group), self.group(group.id)
        if present is None:
            raise no_group(group.id)
        check_group(group, present)
        self._check_name(group)
        self._database.rows(UPDATE_GROUP, row)

    def _check_name(self, group: Group) -> None:
        found = self._database.row(FIND_GROUP, (group.workflow, group.name))
        if found is not None and found[0] != group.id:
            raise taken("a group of this workflow with the name", group.name)

    def remove_group(self, identity: str) -> None:
        """Remove a group with its files."""
        if not self._database.change(DELETE_GROUP, (identity,)):
            raise no_group(identity)

    def group(self, identity: str) -> Group | None:
        """Return a group."""
        found = self._database.row(SELECT_GROUP, (identity,))
        return None if found is None else read_group(found)

    def groups(
        self, *, limit: int, workflow: str | None = None, member: str | None = None, cursor: str | None = None
    ) -> GroupPart:
        """Return a part of the groups."""
        rows = self._database.rows(LIST_GROUPS, (workflow, member, read_place(cursor, BEFORE_ALL), limit + 1))
        return GroupPart([(str(row[0]), read_group(row[1:])) for row in rows[:limit]], len(rows) > limit)

    def add_group_file(self, group: str, file: GroupFile) -> None:
        """Write a file of a group."""
        if self.group(group) is None:
            raise no_group(group)
        try:
            self._database.rows(INSERT_FILE, write_file(file, group=group))
        except ConflictError as error:
            raise taken("a file", file.id) from error

    def remove_group_file(self, group: str, file: str) -> None:
        """Remove a file of a group."""
        if not self._database.change(DELETE_FILE, (file, group)):
            raise no_file(group, file)

    def group_files(self, group: str) -> list[GroupFile]:
        """Return the files of a group."""
        return [GroupFile(*row) for row in self._database.rows(SELECT_FILES, (group,))]
