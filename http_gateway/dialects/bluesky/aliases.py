"""Other paths where Finch looks for the bluesky dialect: they lead to the same routes and the same guard.

Finch sends a key of its own with every request. Here, and nowhere else, the cookie of a login counts before that key.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from http_gateway.authorize import ORIGIN_PROVES
from http_gateway.credentials import has_cookie

# Finch 0.1.3 asks below both, and has a path of its own for the console socket.
_PATHS = {"/api/qserver/console": "/api/console_output/ws"}
_PREFIXES = {"/api/qserver/api": "/api", "/api/qserver": "/api"}


class AliasedPaths:
    """Wraps the application; a request to an alias goes where the alias points.

    ``built_in_key`` is what Finch sends where its page has not been given another key; empty, every key counts.
    """

    def __init__(self, application: ASGIApp, built_in_key: str = "") -> None:
        self._application = application
        self._built_in = f"apikey {built_in_key}".encode() if built_in_key else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] in ("http", "websocket"):
            root = scope.get("root_path", "")
            path = root + resolve_alias(scope["path"].removeprefix(root))
            if path != scope["path"]:
                scope = self._prefer_cookie({**scope, "path": path, "raw_path": path.encode()})
        await self._application(scope, receive, send)

    def _prefer_cookie(self, scope: dict[str, Any]) -> Scope:
        """Drop the built-in key of a request that has the cookie of a login too.

        Finch does not know the token against other sites' pages either. In its place the browser says from which page
        a request comes; no other site's page can send a cookie, this header and a true origin together.
        """
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        if len(given) != 1 or _lower_scheme(given[0]) != self._built_in or not has_cookie(HTTPConnection(scope)):
            return scope
        headers = [(name, value) for name, value in scope["headers"] if name != b"authorization"]
        return {**scope, "headers": headers, "state": {**scope.get("state", {}), ORIGIN_PROVES: True}}


def _lower_scheme(value: bytes) -> bytes:
    scheme, blank, key = value.partition(b" ")
    return scheme.lower() + blank + key


def resolve_alias(path: str) -> str:
    """Return the path that is meant."""
    if path in _PATHS:
        return _PATHS[path]
    for prefix, target in _PREFIXES.items():
        if path == prefix or path.startswith(f"{prefix}/"):
            return target + path.removeprefix(prefix)
    return path
