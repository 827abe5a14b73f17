"""Puts the routes and sockets of the bluesky dialect into the application."""

from __future__ import annotations

from fastapi import FastAPI

from http_gateway.config import GatewaySettings
from http_gateway.dialects.bluesky import accounts, console, forwards, items, sockets, spreadsheets, status, testing
from http_gateway.dialects.bluesky.aliases import AliasedPaths
from http_gateway.dialects.bluesky.custom import add_routers, load_modules
from http_gateway.dialects.bluesky.face import FACE
from http_gateway.routes import add_routes, add_sockets

ROUTES = (*status.ROUTES, *forwards.ROUTES, *items.ROUTES, *console.ROUTES, *accounts.ROUTES)
TESTING_ROUTES = (*forwards.TESTING_ROUTES, *testing.ROUTES)


def add_dialect(app: FastAPI, settings: GatewaySettings) -> None:
    """Serve what the settings want of the dialect.

    Raises:
        ParameterError: a custom router cannot be imported.
    """
    add_routes(app, FACE, ROUTES)
    add_routes(app, FACE, spreadsheets.routes_of(load_modules(settings.custom_modules)))
    if settings.test_routes:
        add_routes(app, FACE, TESTING_ROUTES)
    add_sockets(app, FACE, sockets.SOCKETS)
    add_routers(app, FACE, settings.custom_routers)
    if settings.finch_paths:
        app.add_middleware(AliasedPaths, built_in_key=settings.finch_key)
