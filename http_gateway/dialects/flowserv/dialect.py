"""Puts the routes of the flowserv dialect into the application."""

from __future__ import annotations

from fastapi import FastAPI

from http_gateway.dialects.flowserv import groups, passwords, runs, service, uploads, users, workflows
from http_gateway.dialects.flowserv.face import FACE
from http_gateway.routes import add_routes

_PARTS = (service, workflows, groups, runs, uploads, users, passwords)


def add_dialect(app: FastAPI) -> None:
    """Serve the routes of the dialect."""
    add_routes(app, FACE, [route for part in _PARTS for route in part.ROUTES])
