"""Handlers of the methods about exams."""

from __future__ import annotations

from queue_server.handlers.context import TurnContext
from queue_server.handlers.exam_changes import (
    add,
    change,
    check_new,
    check_version,
    find_record,
    find_template,
    merge,
    refuse_new,
    remove,
    sign,
)
from queue_server.handlers.exam_trees import copy_template, read_template, show, show_page
from queue_server.handlers.group import group
from queue_server.protocol.errors import ParameterError
from queue_server.protocol.exam_fields import read_fields
from queue_server.protocol.exam_records import Exam, ExamFields
from queue_server.protocol.method import Done
from queue_server.protocol.methods.exams import (
    ExamAddParams,
    ExamCopyParams,
    ExamGetParams,
    ExamListParams,
    ExamPage,
    ExamRemoveParams,
    ExamReply,
    ExamUpdateParams,
)


def add_exam(context: TurnContext, params: ExamAddParams) -> ExamReply:
    """Add an exam or a template."""
    fields = read_fields(ExamFields, params.exam, "exam")
    check_new(fields, "exam")
    _check_patient(fields)
    return ExamReply(add(context, Exam(**sign(context), fields=fields)).shown())


def copy_exam(context: TurnContext, params: ExamCopyParams) -> ExamReply:
    """Add an exam with everything that belongs to a template."""
    template = find_template(context, Exam, params.template_id)
    values = template.fields.plain() | {"status": "NEW", "is_template": False} | (params.exam or {})
    fields = read_fields(ExamFields, values, "exam")
    check_new(fields, "exam")
    _check_patient(fields)
    found = read_template(context, template)
    exam = Exam(**sign(context), fields=fields)
    workflows, tasks = copy_template(found, exam, context.turn.chance.identifier)
    counts = {"template_id": template.id, "workflows": len(workflows), "tasks": len(tasks)}
    add(context, exam, **counts)
    for record in (*workflows, *tasks):
        context.turn.tx.add_exam_record(record)
    return ExamReply(exam.shown())


def get_exam(context: TurnContext, params: ExamGetParams) -> ExamReply:
    """Return an exam."""
    return ExamReply(show(context, find_record(context, Exam, params.exam_id), tree=params.tree))


def list_exams(context: TurnContext, params: ExamListParams) -> ExamPage:
    """Return a page of exams: of a patient, all templates, or all others."""
    if params.patient_id is not None and params.templates:
        raise ParameterError("A template has no patient: give 'patient_id' or 'templates'.", field="templates")
    of = None if params.patient_id is None else params.patient_id.lower()
    return ExamPage(
        *show_page(
            context,
            Exam,
            of=of,
            templates=params.templates,
            limit=params.limit,
            cursor=params.cursor,
            tree=params.tree,
        )
    )


def update_exam(context: TurnContext, params: ExamUpdateParams) -> ExamReply:
    """Change fields of an exam."""
    exam = find_record(context, Exam, params.exam_id)
    check_version(exam, params.if_version)
    refuse_new(params.exam, "exam")
    fields = read_fields(ExamFields, merge(exam, params.exam, "exam"), "exam")
    _check_patient(fields)
    return ExamReply(show(context, change(context, exam, fields)))


def remove_exam(context: TurnContext, params: ExamRemoveParams) -> Done:
    """Remove an exam with everything that belongs to it."""
    return remove(context, Exam, params.exam_id, params.if_version)


def _check_patient(fields: ExamFields) -> None:
    if fields.is_template == (fields.patient_id is None):
        return
    what = "a template has no patient" if fields.is_template else "it is required, unless the exam is a template"
    raise ParameterError(f"'exam.patient_id': {what}.", field="exam.patient_id")


GROUP = group(
    turn={
        "exam_add": add_exam,
        "exam_copy": copy_exam,
        "exam_get": get_exam,
        "exam_list": list_exams,
        "exam_update": update_exam,
        "exam_remove": remove_exam,
    }
)
