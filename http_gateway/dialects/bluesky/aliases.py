"""Other paths where some clients look for the bluesky dialect: they lead to the same routes and the same guard."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

# Finch 0.1.3 asks below both, and has a path of its own for the console socket.
_PATHS = {"/api/qserver/console": "/api/console_output/ws"}
_PREFIXES = {"/api/qserver/api": "/api", "/api/qserver": "/api"}


class AliasedPaths:
    """Wraps the application; a request to an alias goes where the alias points."""

    def __init__(self, application: ASGIApp) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] in ("http", "websocket"):
            root = scope.get("root_path", "")
            path = root + resolve_alias(scope["path"].removeprefix(root))
            if path != scope["path"]:
                scope = {**scope, "path": path, "raw_path": path.encode()}
        await self._application(scope, receive, send)


def resolve_alias(path: str) -> str:
    """Return the path that is meant."""
    if path in _PATHS:
        return _PATHS[path]
    for prefix, target in _PREFIXES.items():
        if path == prefix or path.startswith(f"{prefix}/"):
            return target + path.removeprefix(prefix)
    return path
