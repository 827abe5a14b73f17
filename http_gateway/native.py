"""The native face below ``/v1``: one route for each declared method, derived from its declaration and nothing else."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from http_gateway import batch_tables
from http_gateway.identity import Identity
from http_gateway.link import Caller, read_reply
from http_gateway.media import answer, read_map
from http_gateway.pages import DEFAULT_LIMIT, PAGES
from http_gateway.problem import problem_in, render_problem, show
from http_gateway.routes import Face, Route, conditions_of, request_id_of, services_of
from http_gateway.spreadsheets.desk import ReadingDesk
from http_gateway.values import merge, read_query
from queue_server.protocol.errors import ParameterError
from queue_server.protocol.method import Method
from queue_server.protocol.status import DOCUMENTED_KEYS

FACE = Face("native", "/v1", render_problem)

_TRANSPORT_KEYS = ("success", "msg", "error")


def routes_of(methods: Iterable[Method]) -> tuple[Route, ...]:
    """Return a route for each method but those that only gateways call, for one event loop."""
    desk = ReadingDesk()
    return tuple(_route_of(method, desk) for method in methods if not method.is_for_gateways)


def content_uid_of(method: Method) -> str | None:
    """Return the field of a method's reply that changes exactly when its content does, as a status shows it."""
    if method.route[0] != "GET" or method.bare:
        return None
    names = [declared.name for declared in dataclasses.fields(method.result)]
    return next((name for name in names if name.endswith("_uid") and name in DOCUMENTED_KEYS), None)


def _route_of(method: Method, desk: ReadingDesk) -> Route:
    verb, path = method.route

    async def handle(request: Request, caller: Caller) -> Response:
        if method.bare:
            status = await services_of(request).status.frame()
            return answer(request, read_reply(status))
        if await _is_known(request, method):
            return Response(status_code=304, headers={"ETag": request.headers["if-none-match"]})
        if method is batch_tables.METHOD and batch_tables.is_table(request):
            return await batch_tables.create(request, caller, desk)
        params = await _read(request, method, caller.identity)
        reply = await services_of(request).link.call(method.name, params, caller, conditions_of(request))
        if not reply.get("success"):
            return show(problem_in(reply), request_id_of(request))
        return _show(request, method, params, reply)

    return Route(
        verb=verb,
        path=path,
        scope=method.scope,
        handler=handle,
        summary=method.summary,
    )


async def _is_known(request: Request, method: Method) -> bool:
    """Return whether the caller has this content already; the status tells without a look at the content."""
    name, given = content_uid_of(method), request.headers.get("if-none-match")
    if name is None or given is None:
        return False
    status = read_reply(await services_of(request).status.frame())
    return given == f'"{status.get(name)}"'


async def _read(request: Request, method: Method, identity: Identity) -> dict[str, Any]:
    pages = PAGES.get(method.name)
    given = read_query(request, method.params, ("cursor",) if pages else ())
    if method.route[0] == "POST":
        given = merge(await read_map(request), given)
    elif pages:
        given = _turn_page(given, pages.param_for(given))
    claims = {"user": identity.user, "user_group": identity.group}
    given |= {name: value for name, value in claims.items() if name in method.params.model_fields}
    method.parse(given)
    return given


def _turn_page(given: Mapping[str, Any], param: str) -> dict[str, Any]:
    params = {"limit": DEFAULT_LIMIT, **given}
    cursor = params.pop("cursor", None)
    if cursor is not None:
        if param in params:
            raise ParameterError(f"Give either 'cursor' or {param!r}.", field="cursor")
        params[param] = int(cursor) if str(cursor).isdecimal() and param != "after_uid" else str(cursor)
    return params


def _show(request: Request, method: Method, params: Mapping[str, Any], reply: Mapping[str, Any]) -> Response:
    content = {name: value for name, value in reply.items() if name not in _TRANSPORT_KEYS}
    pages = PAGES.get(method.name)
    if pages:
        following = pages.next(reply, params["limit"])
        content["next_cursor"] = None if following is None else str(following)
    name = content_uid_of(method)
    headers = {"ETag": f'"{reply[name]}"'} if name and reply.get(name) else {}
    return answer(request, content, headers)
