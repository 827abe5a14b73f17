"""How a route of the dialect is declared: by its id, which decides verb and path."""

from __future__ import annotations

from http_gateway.dialects.flowserv.paths import PATTERNS
from http_gateway.routes import Handler, Route


def declare(route_id: str, scope: str, handler: Handler, *, verb: str | None = None) -> Route:
    """Return the route with this id; ``verb`` is another one than that of the clients, where it is taken too.

    The first line of the handler's docstring is its summary.
    """
    usual, pattern = PATTERNS[route_id]
    path = pattern.partition("?")[0]
    return Route(
        verb=verb or usual,
        path=f"/{path}" if path else "",
        scope=scope,
        handler=handler,
        summary=(handler.__doc__ or "").partition("\n")[0],
    )
