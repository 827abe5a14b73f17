"""How the routes of this dialect ask the manager."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from http_gateway.dialects.ica.errors import error_in
from http_gateway.link import Caller
from http_gateway.routes import services_of
from queue_server.protocol.methods import METHODS


async def call(request: Request, caller: Caller, method: str, timeout_s: float | None = None, **params: Any) -> Any:
    """Return the reply of the manager.

    Raises:
        CuelightError: the manager refuses, or does not answer.
    """
    declared = METHODS[method].params.model_fields
    claims = {"user": caller.identity.user, "user_group": caller.identity.group}
    given = params | {name: value for name, value in claims.items() if name in declared}
    reply = await services_of(request).link.call(method, given, caller, timeout_s=timeout_s)
    if reply.get("success") is not True:
        raise error_in(reply)
    return reply
