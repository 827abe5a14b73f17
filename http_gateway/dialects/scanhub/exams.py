"""The routes of exams: visits or examinations, and templates of them."""

from __future__ import annotations

from pydantic import TypeAdapter
from starlette.requests import Request
from starlette.responses import Response

from http_gateway.dialects.scanhub.exam_calls import (
    answer,
    answer_all,
    call,
    done,
    given_in,
    needed_id,
    path_id,
    read_as,
    read_body,
    shape,
    show_exam,
    version_of,
)
from http_gateway.dialects.scanhub.exam_models import BaseExam, ExamOfTemplate
from http_gateway.dialects.scanhub.exam_routes import exam_route, refer
from http_gateway.link import Caller
from http_gateway.routes import Route
from queue_server.protocol.exam_fields import read_fields
from queue_server.protocol.exam_records import ExamFields

_EXAM = TypeAdapter(BaseExam)
_CHANGES = TypeAdapter(ExamOfTemplate)
_NULLABLE = ("patient_id", "indication", "comment")


async def create_exam(request: Request, caller: Caller) -> Response:
    """Add an exam, or a template of one."""
    values = given_in(await read_as(request, _EXAM))
    read_fields(ExamFields, values, "body")
    reply = await call(request, caller, "exam_add", exam=values)
    return answer(show_exam(reply["exam"]), 201)


async def create_exam_from_template(request: Request, caller: Caller) -> Response:
    """Add an exam with the workflows and tasks of a template; the body says whose it is, and what differs."""
    template_id = needed_id(request, "template_id")
    body = await read_body(request)
    changes = given_in(shape({} if body is None else body, _CHANGES))
    # A name or a description cannot be null; who sends null has none to give.
    changes = {name: value for name, value in changes.items() if value is not None or name in _NULLABLE}
    reply = await call(request, caller, "exam_copy", template_id=template_id, exam=changes)
    return await _show(request, caller, reply["exam"]["id"], 201)


async def get_exam(request: Request, caller: Caller) -> Response:
    """Return an exam with its workflows, tasks and results."""
    return await _show(request, caller, path_id(request, "exam_id"))


async def get_all_patient_exams(request: Request, caller: Caller) -> Response:
    """Return all exams of a patient."""
    patient_id = path_id(request, "patient_id")
    return await answer_all(request, caller, "exam_list", "exams", show_exam, patient_id=patient_id, tree=True)


async def get_all_exam_templates(request: Request, caller: Caller) -> Response:
    """Return all templates of exams."""
    return await answer_all(request, caller, "exam_list", "exams", show_exam, templates=True, tree=True)


async def update_exam(request: Request, caller: Caller) -> Response:
    """Change an exam."""
    exam_id, version = path_id(request, "exam_id"), version_of(request)
    values = given_in(await read_as(request, _EXAM))
    read_fields(ExamFields, values, "body")
    await call(request, caller, "exam_update", exam_id=exam_id, exam=values, if_version=version)
    return await _show(request, caller, exam_id)


async def delete_exam(request: Request, caller: Caller) -> Response:
    """Remove an exam with everything that belongs to it."""
    await call(request, caller, "exam_remove", exam_id=path_id(request, "exam_id"), if_version=version_of(request))
    return done()


async def _show(request: Request, caller: Caller, exam_id: str, status: int = 200) -> Response:
    reply = await call(request, caller, "exam_get", exam_id=exam_id)
    return answer(show_exam(reply["exam"]), status)


_BODY = refer("BaseExam")


def _copy_route(path: str) -> Route:
    query = {"template_id": "The template."}
    body = refer("ExamOfTemplate")
    return exam_route("POST", path, create_exam_from_template, query=query, body=body, result="ExamOut", status=201)


ROUTES = (
    exam_route("POST", "/new", create_exam, body=_BODY, result="ExamOut", status=201),
    _copy_route("/"),
    exam_route("GET", "/all/{patient_id}", get_all_patient_exams, result="ExamOut[]"),
    exam_route("GET", "/templates/all", get_all_exam_templates, result="ExamOut[]"),
)
LAST_ROUTES = (
    exam_route("GET", "/{exam_id}", get_exam, result="ExamOut"),
    exam_route("PUT", "/{exam_id}", update_exam, body=_BODY, result="ExamOut"),
    exam_route("DELETE", "/{exam_id}", delete_exam, status=204),
)
"""Those whose patterns fit what others have as fixed paths."""
ALIASES = (_copy_route(""),)
"""Other spellings, which the document leaves out."""
