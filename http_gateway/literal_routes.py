"""Requests on paths without parameters go straight to their endpoints.

Trying hundreds of patterns one after another takes longer than most answers. Whatever is not found here takes the
ordinary way.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

LiteralTable = dict[tuple[str, str], Route]
Rescue = Callable[[Request, Exception], Awaitable[Response]]


def literals_in(app: FastAPI) -> LiteralTable:
    """Return the routes without parameters by verb and path."""
    known: LiteralTable = getattr(app.state, "literals", {})
    app.state.literals = known
    return known


class LiteralRoutes:
    """Wraps the router; errors of the kinds in ``rescues`` are answered as the application answers them."""

    def __init__(self, application: ASGIApp, table: LiteralTable, rescues: Mapping[type[Exception], Rescue]) -> None:
        self._application = application
        self._table = table
        self._rescues = rescues

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        route = None
        if scope["type"] == "http" and not scope.get("root_path"):
            route = self._table.get((scope["method"], scope["path"]))
        if route is None:
            await self._application(scope, receive, send)
            return
        scope["route"], scope["endpoint"], scope["path_params"] = route, route.endpoint, {}
        request = Request(scope, receive, send)
        try:
            response: Response = await route.endpoint(request)
        except tuple(self._rescues) as error:
            rescue = next(act for kind, act in self._rescues.items() if isinstance(error, kind))
            response = await rescue(request, error)
        await response(scope, receive, send)
