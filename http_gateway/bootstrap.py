"""What a client needs to begin, in one answer: who it is, the status, the first page of the queue, and the lock."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from http_gateway.authorize import ANYBODY_KNOWN
from http_gateway.link import Caller, read_reply
from http_gateway.media import answer, describe_answer
from http_gateway.pages import DEFAULT_LIMIT, PAGES
from http_gateway.problem import problem_in, show
from http_gateway.routes import Route, request_id_of, services_of
from http_gateway.stream_topics import TOPICS
from queue_server import __version__
from queue_server.protocol.method import Method
from queue_server.protocol.methods import METHODS

_NO_STORE = {"Cache-Control": "no-store"}


async def tell_identity(request: Request, caller: Caller) -> Response:
    """Answer who asks and what they may do."""
    return answer(request, caller.identity.as_mapping(), _NO_STORE)


async def tell_beginning(request: Request, caller: Caller) -> Response:
    """Answer the beginning; what the identity may not read is null."""
    frame, queue, lock = await asyncio.gather(
        services_of(request).status.frame(),
        _ask(request, caller, METHODS["queue_get"], {"limit": DEFAULT_LIMIT}),
        _ask(request, caller, METHODS["lock_info"], {}),
    )
    refused = next((reply for reply in (queue, lock) if reply is not None and not reply.get("success")), None)
    if refused is not None:
        return show(problem_in(refused), request_id_of(request))
    content = {
        "build": __version__,
        "user": caller.identity.as_mapping(),
        "status": read_reply(frame),
        "queue": None if queue is None else _show_queue(queue),
        "lock": None if lock is None else lock.get("lock_info"),
        "stream_topics": sorted(topic.name for topic in TOPICS.values() if topic.scope in caller.identity.scopes),
    }
    return answer(request, content, _NO_STORE)


async def _ask(request: Request, caller: Caller, method: Method, params: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the reply to a method; None if the identity may not ask for it."""
    if method.scope not in caller.identity.scopes:
        return None
    return await services_of(request).link.call(method.name, params, caller)


def _show_queue(reply: Mapping[str, Any]) -> dict[str, Any]:
    shown = {name: reply.get(name) for name in ("items", "running_item", "plan_queue_uid")}
    return {**shown, "next_cursor": PAGES["queue_get"].next(reply, DEFAULT_LIMIT)}


_USER = {
    "type": "object",
    "required": ["user", "group", "scopes", "roles", "principal", "credential"],
    "properties": {
        "user": {"type": "string", "description": "Name that the manager is told."},
        "group": {"type": "string", "description": "Group whose plans and devices are allowed."},
        "scopes": {"type": "array", "items": {"type": "string"}},
        "roles": {"type": "array", "items": {"type": "string"}},
        "principal": {"type": ["string", "null"], "description": "Account; null in single-user mode."},
        "credential": {"type": "string", "description": "Key or session in use."},
    },
}
_BEGINNING = {
    "type": "object",
    "required": ["build", "user", "status", "queue", "lock", "stream_topics"],
    "properties": {
        "build": {"type": "string", "description": "Version of the gateway."},
        "user": _USER,
        "status": {"$ref": "#/components/schemas/Status"},
        "queue": {"type": ["object", "null"], "description": "First page of `/queue`; null without its scope."},
        "lock": {"type": ["object", "null"], "description": "`lock_info` of `/lock`; null without its scope."},
        "stream_topics": {"type": "array", "items": {"type": "string"}, "description": "Topics that may be read."},
    },
}

ROUTES = (
    Route(
        verb="GET",
        path="/me",
        scope=ANYBODY_KNOWN,
        handler=tell_identity,
        summary="Who asks, and what they may do.",
        document=describe_answer(_USER),
    ),
    Route(
        verb="GET",
        path="/bootstrap",
        scope="read:status",
        handler=tell_beginning,
        summary="All that a client needs to begin.",
        document=describe_answer(_BEGINNING),
    ),
)
