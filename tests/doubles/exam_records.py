"""Exam records as tests need them: fields as clients send them, and records as stores keep them."""

from __future__ import annotations

import uuid
from typing import Any

from queue_server.protocol.exam_fields import read_exam_task, read_fields
from queue_server.protocol.exam_records import (
    Exam,
    ExamFields,
    ExamTask,
    ResultFields,
    ResultRecord,
    Sequence,
    SequenceFields,
    TaskItem,
    Workflow,
    WorkflowFields,
)

CREATED = 1_700_000_000.5


def identity(name):
    """Return the UUID that stands for a short name in a test."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, name))


PATIENT = identity("patient")
VECTOR = {"x": 1.0, "y": 0.5, "z": -2.0}
FIELD_OF_VIEW = {"fov_scaling": VECTOR, "fov_offset": VECTOR, "fov_rotation": VECTOR}


def exam_fields(**more) -> dict[str, Any]:
    """Return an exam as a client sends it; a template has no patient."""
    patient = {} if more.get("is_template") else {"patient_id": PATIENT}
    return {"name": "knee", **patient, **more}


def scan_fields(**more) -> dict[str, Any]:
    """Return an acquisition task as a client sends it."""
    scan = {"name": "localizer", "task_type": "ACQUISITION", "sequence_id": "s", "acquisition_parameter": FIELD_OF_VIEW}
    return {**scan, **more}


def dag_fields(**more) -> dict[str, Any]:
    """Return a DAG task as a client sends it."""
    return {"name": "image", "task_type": "DAG", "dag_type": "RECONSTRUCTION", "dag_id": "fft", **more}


def _signed(label, more):
    given = {key: more.pop(key) for key in ("creator", "created", "updated", "version") if key in more}
    return {"id": identity(label), "creator": "anna", "created": CREATED, **given}


def exam(label, /, **more):
    """Build an exam whose id stands for ``label``."""
    signed = _signed(label, more)
    return Exam(**signed, fields=read_fields(ExamFields, exam_fields(**more), "exam"))


def workflow(label, /, of=None, **more):
    """Build a workflow of the exam named ``of``."""
    signed = _signed(label, more)
    values = {"name": label, "exam_id": of and identity(of), **more}
    return Workflow(**signed, fields=read_fields(WorkflowFields, values, "workflow"))


def exam_task(label, /, of=None, *, item: TaskItem | None = None, error_message=None, **more):
    """Build an exam task of the workflow named ``of``: processing if it has a ``dag_id``, else a scan."""
    signed = _signed(label, more)
    make = dag_fields if "dag_id" in more else scan_fields
    fields = read_exam_task(make(workflow_id=of and identity(of), **more), "task")
    return ExamTask(**signed, fields=fields, item=item, error_message=error_message)


def result(label, /, of, **more):
    """Build a result of the exam task named ``of``."""
    signed = _signed(label, more)
    return ResultRecord(**signed, fields=read_fields(ResultFields, {"task_id": identity(of), **more}, "result"))


def sequence(label, /, **more):
    """Build a sequence."""
    signed = _signed(label, more)
    return Sequence(**signed, fields=read_fields(SequenceFields, {"name": label, **more}, "sequence"))
