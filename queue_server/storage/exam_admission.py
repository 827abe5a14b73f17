"""What every store refuses of exam records before it touches a row, in the same words, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable

from queue_server.protocol.errors import ConflictError, NotFoundError, ParameterError, StateError
from queue_server.protocol.exam_records import (
    LONGEST_SEQUENCE_BYTES,
    Exam,
    ExamItemState,
    ExamRecord,
    ExamTask,
    Record,
    SequenceFiles,
    Workflow,
)
from queue_server.storage.exam_content import SHAPES, is_template, parent_of, shape_of

ACTIVE_STATES: frozenset[ExamItemState] = frozenset(("dispatched", "acknowledged", "running", "uploading"))


def check_belonging(record: ExamRecord, parent: ExamRecord | None) -> None:
    """Refuse a record that belongs to nothing it can belong to; ``parent`` is what was found under its id.

    Raises:
        NotFoundError: there is no such record to belong to.
        ParameterError: a template and an instance are mixed, or what it must belong to is missing.
    """
    shape, named = shape_of(record), parent_of(record)
    if parent is not None and is_template(parent) != is_template(record):
        kind = SHAPES[type(parent)].label
        raise ParameterError(
            f"The {kind} {parent.id} and the {shape.label} {record.id} must both be templates, or none."
        )
    if named is not None and parent is None and shape.parent is not None:
        raise no_record(shape.parent, named)
    if isinstance(record, Exam) and is_template(record) != (record.fields.patient_id is None):
        raise ParameterError("An exam has a patient_id, and a template of one has none.", field="patient_id")
    if isinstance(record, Workflow) and named is None and not is_template(record):
        raise ParameterError("A workflow needs an exam_id, unless it is a template.", field="exam_id")
    if isinstance(record, ExamTask):
        _check_item(record)


def _check_item(record: ExamTask) -> None:
    if record.fields.is_template and record.item is not None:
        raise ParameterError("A template has no item.", field="item_uid")
    if record.fields.workflow_id is None and record.item is None and not record.fields.is_template:
        raise ParameterError("An exam task needs a workflow_id, unless it is a template.", field="workflow_id")


def check_successor(record: Record, present: Record) -> None:
    """Refuse a change that was not made of the present version.

    Raises:
        ConflictError: its version does not follow, or it changes what never changes.
    """
    if record.version != present.version + 1:
        raise ConflictError(f"Version {record.version} of {record.id} does not follow version {present.version}.")
    if _lasting(record) != _lasting(present):
        raise ConflictError(f"What {record.id} is, who made it, and when, never changes.")


def _lasting(record: Record) -> tuple[object, ...]:
    fields = getattr(record, "fields", None)
    kept = tuple(getattr(fields, name, None) for name in ("is_template", "task_type", "task_id"))
    return (type(record), record.id, record.creator, record.created, *kept)


def check_removal(record: ExamRecord, states: Iterable[ExamItemState | None]) -> None:
    """Refuse to remove exam tasks whose items are active; ``states`` are those of all that would go.

    Raises:
        StateError: one of them is active.
    """
    if ACTIVE_STATES & set(states):
        raise StateError(f"The {shape_of(record).label} {record.id} cannot be removed: an item of it is active.")


def check_files(files: SequenceFiles) -> None:
    """Refuse files that are too large.

    Raises:
        ParameterError: they are.
    """
    if files.size_bytes > LONGEST_SEQUENCE_BYTES:
        raise ParameterError(
            f"The files of the sequence have {files.size_bytes} bytes; at most {LONGEST_SEQUENCE_BYTES} are stored.",
            field="seq_file",
        )


def no_record(kind: type[ExamRecord], identity: str) -> NotFoundError:
    """Return the error for a record that is not there."""
    return NotFoundError(f"There is no {SHAPES[kind].label} {identity!r}.")


def taken(record: ExamRecord) -> ConflictError:
    """Return the error for an id that belongs to another record."""
    return ConflictError(f"There is a {shape_of(record).label} {record.id} already.")


def item_taken(task: ExamTask) -> ConflictError:
    """Return the error for an item that does another exam task."""
    return ConflictError(f"The item of the exam task {task.id} does another exam task already.")
