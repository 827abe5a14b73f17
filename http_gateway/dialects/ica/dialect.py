"""Puts the routes of the ICA dialect into the application."""

from __future__ import annotations

from fastapi import FastAPI

from http_gateway.dialects.ica import batch_routes, item_routes
from http_gateway.dialects.ica.face import FACE
from http_gateway.routes import add_routes


def add_dialect(app: FastAPI) -> None:
    """Serve the routes of the dialect."""
    add_routes(app, FACE, (*batch_routes.ROUTES, *item_routes.ROUTES))
