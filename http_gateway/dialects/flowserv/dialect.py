"""Puts the routes of the flowserv dialect into the application, and opens the artifacts that they hand out."""

from __future__ import annotations

from contextlib import AsyncExitStack

from fastapi import FastAPI

from http_gateway.config import GatewaySettings
from http_gateway.dialects.flowserv import groups, passwords, runs, service, uploads, users, workflows
from http_gateway.dialects.flowserv.face import FACE
from http_gateway.dialects.flowserv.shelf import Shelf, provide_shelf
from http_gateway.routes import add_routes

_PARTS = (service, workflows, groups, runs, uploads, users, passwords)


def add_dialect(app: FastAPI) -> None:
    """Serve the routes of the dialect."""
    add_routes(app, FACE, [route for part in _PARTS for route in part.ROUTES])


def open_files(app: FastAPI, stack: AsyncExitStack, settings: GatewaySettings) -> None:
    """Let the routes read and write artifacts until ``stack`` ends."""
    shelf = Shelf(settings.data, settings.flowserv.archives_bytes)
    stack.callback(shelf.close)
    provide_shelf(app, shelf)
