"""Exam records as rows: what statements do to their tables."""

from __future__ import annotations

from queue_server.protocol.exam_records import (
    Exam,
    ExamItemState,
    ExamRecord,
    ExamTask,
    R,
    ResultRecord,
    Sequence,
    SequenceFiles,
    Workflow,
)
from queue_server.storage import exam_admission
from queue_server.storage.database import Rows
from queue_server.storage.exam_base import RecordPart, TaskState
from queue_server.storage.exam_content import (
    parent_of,
    read_cursor,
    read_record,
    shape_of,
    write_cursor,
    write_record,
)
from queue_server.storage.sql import statement

INSERT: dict[type[ExamRecord], str] = {
    Exam: statement("insert_exams"),
    Workflow: statement("insert_exam_workflows"),
    ExamTask: statement("insert_exam_tasks"),
    ResultRecord: statement("insert_exam_results"),
    Sequence: statement("insert_exam_sequences"),
}
UPDATE: dict[type[ExamRecord], str] = {
    Exam: statement("update_exams"),
    Workflow: statement("update_exam_workflows"),
    ExamTask: statement("update_exam_tasks"),
    ResultRecord: statement("update_exam_results"),
}
SELECT: dict[type[ExamRecord], str] = {
    Exam: statement("select_exams"),
    Workflow: statement("select_exam_workflows"),
    ExamTask: statement("select_exam_tasks"),
    ResultRecord: statement("select_exam_results"),
    Sequence: statement("select_exam_sequences"),
}
DELETE: dict[type[ExamRecord], str] = {
    Exam: statement("delete_exams"),
    Workflow: statement("delete_exam_workflows"),
    ExamTask: statement("delete_exam_tasks"),
    ResultRecord: statement("delete_exam_results"),
    Sequence: statement("delete_exam_sequences"),
}
LIST: dict[type[ExamRecord], str] = {
    Exam: statement("list_exams"),
    Workflow: statement("list_exam_workflows"),
    ExamTask: statement("list_exam_tasks"),
    Sequence: statement("list_exam_sequences"),
}
LIST_OF: dict[type[ExamRecord], str] = {
    Exam: statement("list_exams_of"),
    Workflow: statement("list_exam_workflows_of"),
    ExamTask: statement("list_exam_tasks_of"),
    ResultRecord: statement("list_exam_results_of"),
}
STATES = {Exam: statement("states_of_exams"), Workflow: statement("states_of_exam_workflows")}
SELECT_EXAM_TASK_OF_ITEM = statement("select_exam_task_of_item")
INSERT_SEQUENCE_FILES = statement("insert_sequence_files")
SELECT_SEQUENCE_FILES = statement("select_sequence_files")


class ExamRecordRows(Rows):
    """The part of a transaction that works on exam records; the promises are those of the port."""

    def add_exam_record(self, record: ExamRecord) -> None:
        """Write a new record."""
        row = write_record(record)
        if self.exam_record(type(record), record.id) is not None:
            raise exam_admission.taken(record)
        self._check_place(record)
        self._database.rows(INSERT[type(record)], row)

    def change_exam_record(self, record: ExamRecord) -> None:
        """Write a record in the place of the version before."""
        kind, row = type(record), write_record(record)
        present = self.exam_record(kind, record.id)
        if present is None:
            raise exam_admission.no_record(kind, record.id)
        if isinstance(record, Sequence):
            raise exam_admission.taken(record)
        exam_admission.check_successor(record, present)
        self._check_place(record)
        self._database.rows(UPDATE[kind], row)

    def _check_place(self, record: ExamRecord) -> None:
        kind, named = shape_of(record).parent, parent_of(record)
        parent = None if kind is None or named is None else self.exam_record(kind, named)
        exam_admission.check_belonging(record, parent)
        if isinstance(record, ExamTask) and record.item is not None:
            known = self.exam_task_of(record.item.uid)
            if known is not None and known.id != record.id:
                raise exam_admission.item_taken(record)

    def remove_exam_record(self, kind: type[R], identity: str) -> None:
        """Remove a record and what belongs to it."""
        record = self.exam_record(kind, identity)
        if record is None:
            raise exam_admission.no_record(kind, identity)
        exam_admission.check_removal(record, self._item_states(record))
        self._database.rows(DELETE[kind], (identity,))

    def _item_states(self, record: ExamRecord) -> list[ExamItemState | None]:
        if isinstance(record, (Exam, Workflow)):
            return [state for _, state in self.exam_task_states(type(record), record.id)]
        return [record.item.state] if isinstance(record, ExamTask) and record.item is not None else []

    def exam_record(self, kind: type[R], identity: str) -> R | None:
        """Return a record."""
        found = self._database.row(SELECT[kind], (identity,))
        return None if found is None else read_record(kind, found)

    def exam_records(
        self, kind: type[R], *, limit: int, of: str | None = None, templates: bool = False, cursor: str | None = None
    ) -> RecordPart[R]:
        """Return a part of the records."""
        text, key = (LIST[kind], int(templates)) if of is None else (LIST_OF[kind], of)
        rows = self._database.rows(text, (key, *read_cursor(cursor), limit + 1))
        entries = [(write_cursor(row[0], row[1]), read_record(kind, row[2:])) for row in rows[:limit]]
        return RecordPart(entries, len(rows) > limit)

    def exam_task_of(self, item_uid: str) -> ExamTask | None:
        """Return the exam task that an item does."""
        found = self._database.row(SELECT_EXAM_TASK_OF_ITEM, (item_uid,))
        return None if found is None else read_record(ExamTask, found)

    def exam_task_states(self, kind: type[Exam] | type[Workflow], identity: str) -> frozenset[TaskState]:
        """Return the states of the exam tasks of an exam or a workflow."""
        return frozenset((row[0], row[1]) for row in self._database.rows(STATES[kind], (identity,)))

    def add_sequence_files(self, identity: str, files: SequenceFiles) -> None:
        """Write the files of a sequence."""
        exam_admission.check_files(files)
        sequence = self.exam_record(Sequence, identity)
        if sequence is None:
            raise exam_admission.no_record(Sequence, identity)
        if self.sequence_files(identity) is not None:
            raise exam_admission.taken(sequence)
        self._database.rows(INSERT_SEQUENCE_FILES, (identity, files.seq_file, files.xml_file))

    def sequence_files(self, identity: str) -> SequenceFiles | None:
        """Return the files of a sequence."""
        found = self._database.row(SELECT_SEQUENCE_FILES, (identity,))
        return None if found is None else SequenceFiles(found[0], found[1])
