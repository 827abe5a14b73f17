"""The part of the store's port that keeps exam records: what every store promises of them."""

from __future__ import annotations

from typing import Generic, Protocol

from msgspec import Struct

from queue_server.protocol.exam_records import (
    Exam,
    ExamItemState,
    ExamRecord,
    ExamTask,
    R,
    RecordStatus,
    SequenceFiles,
    Workflow,
)

TaskState = tuple[RecordStatus, ExamItemState | None]
"""How far an exam task is, and the state of its item if it has one."""


class RecordPart(Struct, Generic[R], frozen=True):
    """A part of a list, each record with the cursor that goes on behind it, and whether there are others."""

    entries: list[tuple[str, R]]
    has_more: bool


class ExamRows(Protocol):
    """What can be done to exam records, inside a transaction.

    Templates and instances never mix: what belongs to a template is one, and a template has no results.
    """

    def add_exam_record(self, record: ExamRecord) -> None:
        """Write a new record; among its like it comes last, exam tasks of one workflow by their position first.

        Raises:
            ConflictError: there is a record of that kind and id, or the item of the exam task does another one.
            NotFoundError: what it belongs to is not there.
            ParameterError: what it must belong to is missing, a template is mixed with an instance, or it is too large.
        """
        ...

    def change_exam_record(self, record: ExamRecord) -> None:
        """Write a record in the place of the version before; sequences never change.

        Raises:
            NotFoundError: it is not there, or what it belongs to is not.
            ConflictError: its version does not follow the present one, it changes what never changes, or the item of
                the exam task does another one.
            ParameterError: as for a new record.
        """
        ...

    def remove_exam_record(self, kind: type[R], identity: str) -> None:
        """Remove a record with everything that belongs to it.

        Raises:
            NotFoundError: it is not there.
            StateError: the item of an exam task that would go is active.
        """
        ...

    def exam_record(self, kind: type[R], identity: str) -> R | None:
        """Return a record, or None."""
        ...

    def exam_records(
        self, kind: type[R], *, limit: int, of: str | None = None, templates: bool = False, cursor: str | None = None
    ) -> RecordPart[R]:
        """Return records in order, at most ``limit`` (1 or more), beginning behind ``cursor``.

        They are those of a patient, exam, workflow or exam task with ``of``, else all templates or all others. Results
        are only read of an exam task.

        Raises:
            ParameterError: no list gives such a cursor.
        """
        ...

    def exam_task_of(self, item_uid: str) -> ExamTask | None:
        """Return the exam task that an item does, or did last, or None."""
        ...

    def exam_task_states(self, kind: type[Exam] | type[Workflow], identity: str) -> frozenset[TaskState]:
        """Return the states that occur among the exam tasks of an exam or of a workflow."""
        ...

    def add_sequence_files(self, identity: str, files: SequenceFiles) -> None:
        """Write the files of a sequence, once.

        Raises:
            NotFoundError: there is no such sequence.
            ConflictError: it has files.
            ParameterError: they are too large.
        """
        ...

    def sequence_files(self, identity: str) -> SequenceFiles | None:
        """Return the files of a sequence, or None."""
        ...
