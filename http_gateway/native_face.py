"""The native face as a whole: its routes, stream, figures and documentation, and what they need while they serve."""

from __future__ import annotations

from contextlib import AsyncExitStack

from fastapi import FastAPI

from http_gateway import bootstrap, browser_session, documentation, health, run_files, stream_routes
from http_gateway.config import GatewaySettings
from http_gateway.metrics import MeasuredRequests, Metrics, metrics_routes
from http_gateway.native import FACE, routes_of
from http_gateway.openapi import describe
from http_gateway.problem import render_problem
from http_gateway.result_files import routes as result_files
from http_gateway.routes import Face, Services, add_routes, add_sockets
from http_gateway.streams import StreamHub
from http_gateway.tickets import Tickets
from queue_server.clock import Clock
from queue_server.protocol.methods import METHODS

# What belongs to no version of the interface.
ROOT = Face("native", "", render_problem)


def add_native(app: FastAPI, settings: GatewaySettings) -> Metrics:
    """Serve the native routes and sockets; return what is counted."""
    app.state.metrics = Metrics()
    parts = (health, bootstrap, browser_session, stream_routes, run_files, result_files)
    more = [route for part in parts for route in part.ROUTES]
    add_routes(app, FACE, (*more, *routes_of(METHODS.values())))
    add_sockets(app, FACE, stream_routes.SOCKETS)
    if settings.metrics:
        add_routes(app, ROOT, metrics_routes(public=settings.open_metrics))
    if settings.serve_docs:
        add_routes(app, ROOT, documentation.ROUTES)
    describe(app, FACE.prefix, METHODS.values(), more)
    app.add_middleware(MeasuredRequests, metrics=app.state.metrics)
    return app.state.metrics


def open_native(app: FastAPI, stack: AsyncExitStack, services: Services, expiry: Clock) -> None:
    """Open what streams need, until the stack is unwound. ``expiry`` tells what has expired."""
    app.state.tickets = Tickets(services.settings.data / "stream-tickets", expiry)
    app.state.streams = StreamHub(
        services.link, services.feed, services.status, services.clock, app.state.metrics, services.followed
    )
    stack.push_async_callback(app.state.streams.close)
    run_files.open_run_files(app, stack)
    result_files.open_result_files(app, stack, services.settings)
