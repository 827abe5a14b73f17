"""Whether the gateway lives, and whether it can serve: without a credential no details."""

from __future__ import annotations

import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from http_gateway.authorize import PUBLIC
from http_gateway.identity import Identity
from http_gateway.link import Caller
from http_gateway.media import answer, describe_answer
from http_gateway.problem import problem_in, problem_of
from http_gateway.routes import Route, Services, services_of
from http_gateway.streams import hub_of
from queue_server import __version__
from queue_server.protocol.errors import CommunicationError, CuelightError

_started_s = time.monotonic()
# Anybody may ask, so that the store is asked no more often than this.
_FRESH_S = 1.0
_NOBODY = Identity("", "", frozenset({"read:monitor"}))


@dataclass(frozen=True, slots=True)
class _Readiness:
    """That the store of the manager has answered a question of that time."""

    since_s: float


async def tell_alive(request: Request, caller: Caller) -> Response:
    """Answer at once, whatever the manager does."""
    return answer(request, {"alive": True})


async def tell_ready(request: Request, caller: Caller) -> Response:
    """Answer once the store of the manager and the accounts have answered.

    Raises:
        CuelightError: one of them does not.
    """
    services = services_of(request)
    await services.guard.check_accounts()
    now_s = services.clock.monotonic()
    known: _Readiness | None = getattr(request.app.state, "readiness", None)
    if known is None or now_s - known.since_s > _FRESH_S:
        # Read from the store: a status would be answered from memory.
        reply = await services.link.call("events_get", {"limit": 1}, Caller(_NOBODY))
        if not reply.get("success") and problem_in(reply).status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise CommunicationError(f"The manager does not serve: {reply.get('msg')}")
        request.app.state.readiness = _Readiness(now_s)
    return answer(request, {"ready": True})


async def tell_details(request: Request, caller: Caller) -> Response:
    """Answer how everything is, also if it is not well."""
    services = services_of(request)
    manager, accounts = await _look_at_manager(services), await _look_at_accounts(services)
    content = {
        "ready": manager["problem"] is None and accounts["problem"] is None,
        "gateway": {
            "version": __version__,
            "uptime_s": round(time.monotonic() - _started_s, 1),
            "requests_at_manager": services.link.in_flight,
            "stream_readers": hub_of(request).readers,
        },
        "manager": manager,
        "accounts": accounts,
    }
    return answer(request, content, {"Cache-Control": "no-store"})


async def _look_at_manager(services: Services) -> dict[str, Any]:
    started_s = time.perf_counter()
    try:
        await services.status.frame(fresh=True)
    except CuelightError as error:
        return {"problem": problem_of(error).text, "round_trip_s": None, "state": None, "epoch": None}
    newest = services.status.newest
    spent_s = round(time.perf_counter() - started_s, 6)
    shown = {"state": newest.get("manager_state"), "epoch": newest.get("epoch")}
    return {"problem": None, "round_trip_s": spent_s, **shown}


async def _look_at_accounts(services: Services) -> dict[str, Any]:
    try:
        await services.guard.check_accounts()
    except CuelightError as error:
        return {"problem": problem_of(error).text}
    return {"problem": None}


def _flag(name: str) -> dict[str, Any]:
    return {"type": "object", "required": [name], "properties": {name: {"type": "boolean", "const": True}}}


_PROBLEM = {"type": ["string", "null"], "description": "What is wrong; null if nothing."}
_DETAILS = {
    "type": "object",
    "required": ["ready", "gateway", "manager", "accounts"],
    "properties": {
        "ready": {"type": "boolean"},
        "gateway": {
            "type": "object",
            "properties": {
                "version": {"type": "string"},
                "uptime_s": {"type": "number", "description": "Age of this process in seconds."},
                "requests_at_manager": {"type": "integer", "description": "Requests that wait for the manager."},
                "stream_readers": {"type": "integer", "description": "Open streams of this process."},
            },
        },
        "manager": {
            "type": "object",
            "properties": {
                "problem": _PROBLEM,
                "round_trip_s": {"type": ["number", "null"], "description": "Time of one question in seconds."},
                "state": {"type": ["string", "null"]},
                "epoch": {"type": ["integer", "null"]},
            },
        },
        "accounts": {"type": "object", "properties": {"problem": _PROBLEM}},
    },
}

ROUTES = (
    Route(
        verb="GET",
        path="/health/live",
        scope=PUBLIC,
        handler=tell_alive,
        summary="Whether the process lives.",
        document=describe_answer(_flag("alive")),
    ),
    Route(
        verb="GET",
        path="/health/ready",
        scope=PUBLIC,
        handler=tell_ready,
        summary="Whether manager and accounts answer.",
        document=describe_answer(_flag("ready")),
    ),
    Route(
        verb="GET",
        path="/health",
        scope="read:config",
        handler=tell_details,
        summary="How the gateway and what it needs are.",
        document=describe_answer(_DETAILS),
    ),
)
