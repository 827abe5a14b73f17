"""The description of routes of this dialect as OpenAPI, made of their declarations and models alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from starlette.requests import Request
from starlette.responses import Response

from http_gateway.authorize import UNREAD
from http_gateway.dialects.scanhub import exam_models as models
from http_gateway.dialects.scanhub.exam_calls import answer
from http_gateway.dialects.scanhub.face import FACE
from http_gateway.link import Caller
from http_gateway.routes import Handler, Route
from queue_server import __version__

_TEMPLATE = "#/components/schemas/{model}"
_MODELS: tuple[type[BaseModel], ...] = (
    models.BaseExam,
    models.ExamOfTemplate,
    models.BaseWorkflow,
    models.BaseAcquisitionTask,
    models.BaseDAGTask,
    models.SetResult,
    models.TaskOrder,
    models.ExamOut,
    models.WorkflowOut,
    models.AcquisitionTaskOut,
    models.DAGTaskOut,
    models.ResultOut,
    models.SequenceOut,
)
_ERRORS = {
    "400": "An id is malformed, or the values do not fit the records.",
    "401": "The token is missing, unknown or expired.",
    "403": "The token does not open this.",
    "404": "What the address names does not exist.",
    "409": "Not now: the queue owns it, or the key was used for another request.",
    "412": "The record has another version.",
    "413": "The body or the answer is too large.",
    "422": "The body has a wrong form.",
    "503": "The manager or its store cannot be used.",
}


@dataclass(frozen=True, slots=True)
class Subject:
    """What a document is about: its title, the tag of its operations, and the models that they name."""

    title: str
    tag: str
    models: tuple[type[BaseModel], ...]


EXAMS = Subject("Exam records", "exam", _MODELS)


def make_document(routes: Iterable[Route], subject: Subject = EXAMS) -> dict[str, Any]:
    """Return the document about these routes of the dialect."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        operation: dict[str, Any] = {"summary": route.summary, "tags": [subject.tag], **(route.document or {})}
        succeeds = operation.get("responses", {"200": {"description": "Done."}})
        operation["responses"] = {**succeeds, **_refusals(route)}
        if route.scope == UNREAD:
            operation["security"] = []
        paths.setdefault(f"{FACE.prefix}{route.path}", {})[route.verb.lower()] = operation
    _, schemas = models_json_schema([(each, "validation") for each in subject.models], ref_template=_TEMPLATE)
    detail = {"type": "object", "required": ["detail"], "properties": {"detail": {"type": "string"}}}
    return {
        "openapi": "3.1.0",
        "info": {"title": subject.title, "version": __version__},
        "paths": paths,
        "components": {
            "schemas": {**schemas["$defs"], "Error": detail},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
    }


def _refusals(route: Route) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": _TEMPLATE.format(model="Error")}}}
    known = _ERRORS if route.scope != UNREAD else {"503": _ERRORS["503"]}
    return {status: {"description": text, "content": content} for status, text in known.items()}


def tell_document(routes: Callable[[], Iterable[Route]], subject: Subject = EXAMS) -> Handler:
    """Return the handler that answers the document about ``routes``, made when it is asked for the first time."""
    made: list[dict[str, Any]] = []

    async def tell(request: Request, caller: Caller) -> Response:
        if not made:
            made.append(make_document(routes(), subject))
        return answer(made[0])

    return tell
