"""Puts the routes of the scanhub dialect into the application."""

from __future__ import annotations

from fastapi import FastAPI

from http_gateway.authorize import UNREAD
from http_gateway.dialects.scanhub import (
    device_scans,
    device_socket,
    devices,
    exam_results,
    exam_sequences,
    exam_tasks,
    exam_workflows,
    exams,
    userlogin,
    workflow_triggers,
)
from http_gateway.dialects.scanhub.device_models import DEVICE_MODELS
from http_gateway.dialects.scanhub.device_routes import PREFIX as DEVICE
from http_gateway.dialects.scanhub.exam_document import Subject, tell_document
from http_gateway.dialects.scanhub.exam_routes import PREFIX as EXAM
from http_gateway.dialects.scanhub.face import FACE
from http_gateway.dialects.scanhub.readiness import readiness_route
from http_gateway.routes import Route, add_routes, add_sockets

# The order counts: fixed paths before those that they would fit.
EXAM_ROUTES = (
    readiness_route(EXAM),
    *exams.ROUTES,
    *exam_workflows.ROUTES,
    *exam_tasks.ROUTES,
    *exam_results.ROUTES,
    *exam_sequences.ROUTES,
    *exams.LAST_ROUTES,
)
DEVICE_ROUTES = (*device_scans.ROUTES, *devices.ROUTES)
DEVICES = Subject("Devices", "device", DEVICE_MODELS)
_DOCUMENT = Route(
    verb="GET",
    path=f"{EXAM}/openapi.json",
    scope=UNREAD,
    handler=tell_document(lambda: EXAM_ROUTES),
    summary="The description of the routes of exam records.",
)
_DEVICE_DOCUMENT = Route(
    verb="GET",
    path=f"{DEVICE}/openapi.json",
    scope=UNREAD,
    handler=tell_document(lambda: DEVICE_ROUTES, DEVICES),
    summary="The description of the routes of devices.",
)


def add_dialect(app: FastAPI) -> None:
    """Serve the routes of the dialect."""
    add_routes(app, FACE, (_DOCUMENT, *EXAM_ROUTES, *exams.ALIASES, *userlogin.ROUTES))
    add_routes(app, FACE, (_DEVICE_DOCUMENT, *DEVICE_ROUTES, *devices.ALIASES, *workflow_triggers.ROUTES))
    add_sockets(app, FACE, device_socket.SOCKETS)
