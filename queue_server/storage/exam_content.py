"""Exam records as rows: which fields have columns of their own, and the others as JSON. Both stores keep these rows.

It runs no statement and knows no order.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, cast

from msgspec import Struct

from queue_server.protocol.cursors import foreign_cursor
from queue_server.protocol.errors import ParameterError
from queue_server.protocol.exam_records import (
    LONGEST_RECORD_BYTES,
    AcquisitionFields,
    DagFields,
    Exam,
    ExamFields,
    ExamRecord,
    ExamTask,
    Fields,
    R,
    ResultFields,
    ResultRecord,
    Sequence,
    SequenceFields,
    TaskItem,
    Workflow,
    WorkflowFields,
)
from queue_server.storage import content

Row = tuple[Any, ...]

_CURSOR = re.compile(r"([0-9]{1,7})\.([0-9]{1,18})")


class Shape(Struct, frozen=True):
    """How the records of one kind are stored.

    ``columns`` are the fields that rules speak of, the one that names what the record belongs to in front, if it
    belongs to anything.
    """

    table: str
    label: str
    columns: tuple[str, ...]
    read_fields: Callable[[dict[str, Any]], Fields]
    parent: type[ExamRecord] | None = None


def _read_task_fields(values: dict[str, Any]) -> Fields:
    return (DagFields if values["task_type"] == "DAG" else AcquisitionFields).model_validate(values)


SHAPES: dict[type[ExamRecord], Shape] = {
    Exam: Shape("exams", "exam", ("patient_id", "is_template", "status"), ExamFields.model_validate),
    Workflow: Shape(
        "exam_workflows", "workflow", ("exam_id", "is_template", "status"), WorkflowFields.model_validate, Exam
    ),
    ExamTask: Shape(
        "exam_tasks",
        "exam task",
        ("workflow_id", "is_template", "status", "task_type", "progress", "position"),
        _read_task_fields,
        Workflow,
    ),
    ResultRecord: Shape("exam_results", "result", ("task_id", "type"), ResultFields.model_validate, ExamTask),
    Sequence: Shape("exam_sequences", "sequence", (), SequenceFields.model_validate),
}
_SIGNED = 5
"""How many values a row ends with: version, creator, time of creation and of the last change, and the content."""
PARENT = 1
"""Where a row has what the record belongs to, and behind it, whether it is a template."""


def shape_of(record: ExamRecord) -> Shape:
    """Return how a record is stored."""
    return SHAPES[type(record)]


def parent_of(record: ExamRecord) -> str | None:
    """Return the id of the record that this one belongs to, if it belongs to one."""
    shape = shape_of(record)
    return None if shape.parent is None else getattr(record.fields, shape.columns[0])


def is_template(record: ExamRecord) -> bool:
    """Return whether a record is there to be copied; results and sequences never are."""
    return bool(getattr(record.fields, "is_template", False))


def position_of(record: ExamRecord) -> int:
    """Return the place of a record among its like, before the order in which they were made."""
    return record.fields.position if isinstance(record, ExamTask) else 0


def write_record(record: ExamRecord) -> Row:
    """Return the values of a record: id, columns, for an exam task its item, and what every record ends with.

    Raises:
        ParameterError: it cannot be stored as JSON, or is too large.
    """
    shape = shape_of(record)
    values = record.fields.plain()
    columns = [values.pop(name) for name in shape.columns]
    text = content.encode(values)
    if len(text) > LONGEST_RECORD_BYTES:
        raise ParameterError(
            f"The {shape.label} has {len(text)} bytes of JSON; "
            f"at most {LONGEST_RECORD_BYTES} are stored. Keep what is large in files."
        )
    columns = [int(value) if isinstance(value, bool) else value for value in columns]
    signed = (record.version, record.creator, record.created, record.updated, text)
    return (record.id, *columns, *_write_item(record), *signed)


def _write_item(record: ExamRecord) -> Row:
    if not isinstance(record, ExamTask):
        return ()
    item = record.item
    return (item.uid if item else None, item.state if item else None, record.error_message)


def read_record(kind: type[R], row: Row) -> R:
    """Return the record that was written as ``row``."""
    shape = SHAPES[kind]
    identity, *rest = row
    count = len(shape.columns)
    columns = dict(zip(shape.columns, rest[:count], strict=True))
    if "is_template" in columns:
        columns["is_template"] = bool(columns["is_template"])
    version, creator, created, updated, text = rest[-_SIGNED:]
    more: dict[str, Any] = {}
    if kind is ExamTask:
        uid, state, error = rest[count : count + 3]
        more = {"item": None if uid is None else TaskItem(uid, state), "error_message": error}
    signed: dict[str, Any] = {
        "id": identity,
        "creator": creator,
        "created": created,
        "updated": updated,
        "version": version,
    }
    make = cast("Callable[..., R]", kind)
    return make(fields=shape.read_fields({**columns, **content.decode(text)}), **signed, **more)


def write_cursor(position: int, place: int) -> str:
    """Return what a list goes on behind."""
    return f"{position}.{place}"


def read_cursor(cursor: str | None) -> tuple[int, int]:
    """Return the position and the place in a cursor; without one, what is before everything.

    Raises:
        ParameterError: no list gives such a cursor.
    """
    if cursor is None:
        return -1, -1
    match = _CURSOR.fullmatch(cursor)
    if match is None:
        raise foreign_cursor()
    return int(match[1]), int(match[2])
