"""The work of a transaction on exam records in memory, the same as that of the statements on rows."""

from __future__ import annotations

from queue_server.protocol.exam_records import Exam, ExamRecord, ExamTask, R, Sequence, SequenceFiles, Workflow
from queue_server.storage import exam_admission
from queue_server.storage.exam_base import RecordPart, TaskState
from queue_server.storage.exam_content import (
    PARENT,
    SHAPES,
    parent_of,
    position_of,
    read_cursor,
    read_record,
    shape_of,
    write_cursor,
    write_record,
)
from queue_server.storage.memory_rows import MemoryRows
from queue_server.storage.tables import StoredRecord


class ExamTables(MemoryRows):
    """The part of a transaction that works on exam records; the promises are those of the port."""

    def add_exam_record(self, record: ExamRecord) -> None:
        """Write a new record."""
        row = write_record(record)
        table = shape_of(record).table
        if (table, record.id) in self._tables.exam_records:
            raise exam_admission.taken(record)
        self._check_place(record)
        stored = StoredRecord(position_of(record), self._tables.count(table), row)
        self._tables.put(self._tables.exam_records, (table, record.id), stored)

    def change_exam_record(self, record: ExamRecord) -> None:
        """Write a record in the place of the version before."""
        kind, row = type(record), write_record(record)
        key = (shape_of(record).table, record.id)
        present = self.exam_record(kind, record.id)
        if present is None:
            raise exam_admission.no_record(kind, record.id)
        if isinstance(record, Sequence):
            raise exam_admission.taken(record)
        exam_admission.check_successor(record, present)
        self._check_place(record)
        stored = StoredRecord(position_of(record), self._tables.exam_records[key].place, row)
        self._tables.put(self._tables.exam_records, key, stored)

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
        going = self._with_all_below(kind, identity)
        tasks = [self.exam_record(ExamTask, each) for below, each in going if below is ExamTask]
        exam_admission.check_removal(record, [task.item.state for task in tasks if task and task.item])
        for below, each in going:
            self._tables.drop(self._tables.exam_records, (SHAPES[below].table, each))
        if identity in self._tables.sequence_files and kind is Sequence:
            self._tables.drop(self._tables.sequence_files, identity)

    def _with_all_below(self, kind: type[ExamRecord], identity: str) -> list[tuple[type[ExamRecord], str]]:
        found: list[tuple[type[ExamRecord], str]] = [(kind, identity)]
        for below, shape in SHAPES.items():
            if shape.parent is kind:
                for stored in self._stored(below):
                    if stored.row[PARENT] == identity:
                        found += self._with_all_below(below, stored.row[0])
        return found

    def _stored(self, kind: type[ExamRecord]) -> list[StoredRecord]:
        wanted = SHAPES[kind].table
        found = [stored for (table, _), stored in self._tables.exam_records.items() if table == wanted]
        return sorted(found, key=lambda stored: stored.place)

    def exam_record(self, kind: type[R], identity: str) -> R | None:
        """Return a record."""
        stored = self._tables.exam_records.get((SHAPES[kind].table, identity))
        return None if stored is None else read_record(kind, stored.row)

    def exam_records(
        self, kind: type[R], *, limit: int, of: str | None = None, templates: bool = False, cursor: str | None = None
    ) -> RecordPart[R]:
        """Return a part of the records."""
        begin = read_cursor(cursor)
        keyed: list[tuple[tuple[int, int], StoredRecord]] = []
        for stored in self._stored(kind):
            if of is not None:
                is_meant = stored.row[PARENT] == of
            else:
                is_meant = kind is Sequence or stored.row[PARENT + 1] == int(templates)
            if is_meant:
                keyed.append(((stored.position if of is not None else 0, stored.place), stored))
        behind = [entry for entry in sorted(keyed, key=lambda entry: entry[0]) if entry[0] > begin]
        entries = [(write_cursor(*key), read_record(kind, stored.row)) for key, stored in behind[:limit]]
        return RecordPart(entries, len(behind) > limit)

    def exam_task_of(self, item_uid: str) -> ExamTask | None:
        """Return the exam task that an item does."""
        tasks = (read_record(ExamTask, stored.row) for stored in self._stored(ExamTask))
        return next((task for task in tasks if task.item is not None and task.item.uid == item_uid), None)

    def exam_task_states(self, kind: type[Exam] | type[Workflow], identity: str) -> frozenset[TaskState]:
        """Return the states of the exam tasks of an exam or a workflow."""
        below = [each for found, each in self._with_all_below(kind, identity) if found is ExamTask]
        tasks = [task for each in below if (task := self.exam_record(ExamTask, each)) is not None]
        return frozenset((task.fields.status, task.item.state if task.item else None) for task in tasks)

    def add_sequence_files(self, identity: str, files: SequenceFiles) -> None:
        """Write the files of a sequence."""
        exam_admission.check_files(files)
        sequence = self.exam_record(Sequence, identity)
        if sequence is None:
            raise exam_admission.no_record(Sequence, identity)
        if identity in self._tables.sequence_files:
            raise exam_admission.taken(sequence)
        self._tables.put(self._tables.sequence_files, identity, files)

    def sequence_files(self, identity: str) -> SequenceFiles | None:
        """Return the files of a sequence."""
        return self._tables.sequence_files.get(identity)
