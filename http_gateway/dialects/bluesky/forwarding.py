"""Routes that pass a request on to the manager and its reply back, unchanged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from starlette.requests import Request
from starlette.responses import Response

from http_gateway.dialects.bluesky.bodies import read_body, show_names
from http_gateway.dialects.bluesky.tags import is_known, is_success, tag_of
from http_gateway.identity import Identity
from http_gateway.link import Caller, read_reply
from http_gateway.routes import Route, conditions_of, services_of
from http_gateway.values import merge, read_query
from queue_server.protocol.codec import encode
from queue_server.protocol.errors import ParameterError, ShuttingDownError
from queue_server.protocol.method import LockableParams, Method
from queue_server.protocol.methods import METHODS

# What a refusal has for machines; some clients compare the whole of it with what they know.
_SHOWS_ERROR = b'"error"'
_MODE_KEYS = ("loop", "ignore_failures")


@dataclass(frozen=True, kw_only=True)
class Forward:
    """One route: which 0MQ method it calls with which keys, and what the gateway adds.

    ``injects`` are the keys that the credential decides, whatever was sent. Without its ``main_key`` a request is
    passed on all the same, because clients expect the manager's own words about it. ``fixed`` values belong to the
    path.
    """

    verb: Literal["GET", "POST"]
    path: str
    method: str
    keys: tuple[str, ...] = ()
    injects: tuple[Literal["user", "user_group"], ...] = ()
    needs_body: bool = False
    main_key: str = ""
    fixed: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def declaration(self) -> Method:
        """The method that is called."""
        return METHODS[self.method]

    @cached_property
    def known_keys(self) -> frozenset[str]:
        """Everything that a client may send."""
        lockable = ("lock_key",) if issubclass(self.declaration.params, LockableParams) else ()
        return frozenset((*self.keys, *self.injects, *lockable))


def route_of(forward: Forward) -> Route:
    """Return the route of a forward."""

    async def answer(request: Request, caller: Caller) -> Response:
        values = await _read(request, forward)
        params = prepare(forward, values, caller.identity)
        known = "" if values.get("reload") else await is_known(request, forward.method, params)
        if known:
            return Response(status_code=304, headers={"ETag": known})
        frame = await services_of(request).link.ask(forward.method, params, caller, conditions_of(request))
        tag = tag_of(frame, forward.method, params) if forward.verb == "GET" else ""
        return show_reply(frame, {"ETag": tag} if tag else None)

    declaration = forward.declaration
    return Route(
        verb=forward.verb, path=forward.path, scope=declaration.scope, handler=answer, summary=declaration.summary
    )


def show_reply(frame: bytes, headers: Mapping[str, str] | None = None) -> Response:
    """Return the answer that shows a reply of the manager, with the fields that clients of this dialect know.

    Raises:
        ShuttingDownError: the manager is about to end, and has done nothing.
    """
    if not is_success(frame) and _SHOWS_ERROR in frame:
        reply = read_reply(frame)
        if reply.get("success") is False and "error" in reply:
            if reply["error"]["code"] == ShuttingDownError.code:
                raise ShuttingDownError(str(reply["msg"]), details=reply["error"]["details"])
            frame = encode({name: value for name, value in reply.items() if name != "error"})
    return Response(frame, headers=headers, media_type="application/json")


def prepare(forward: Forward, values: Mapping[str, Any], identity: Identity) -> dict[str, Any]:
    """Return the parameters for the manager.

    Raises:
        ParameterError: a key is unknown or missing, or a value has a wrong type; the message names it.
    """
    given = _gather_mode(values) if forward.method == "queue_mode_set" else dict(values)
    unknown = {name for name in given if name not in forward.known_keys}
    if unknown:
        # The wording is that of bluesky-httpserver; its users match it.
        raise ParameterError(f"Request contains keys the are not supported: {show_names(unknown)}", field=min(unknown))
    params = {name: value for name, value in given.items() if name != "reload"}
    for name in ("pos", "pos_dest"):
        if name in params:
            params[name] = _read_position(params[name])
    claims = {"user": identity.user, "user_group": identity.group}
    params |= {name: claims[name] for name in forward.injects}
    params |= forward.fixed
    if not forward.main_key or forward.main_key in params:
        _check(forward, params)
    return params


async def _read(request: Request, forward: Forward) -> dict[str, Any]:
    query = read_query(request, forward.declaration.params)
    if forward.verb == "POST":
        # What changes things is not to be done by an address alone.
        if query:
            raise ParameterError(f"Send {show_names(set(query))} in the body, not in the query.", field=min(query))
        return await read_body(request, required=forward.needs_body)
    body = await read_body(request, required=forward.needs_body and not query)
    return merge(body, query)


def _check(forward: Forward, params: Mapping[str, Any]) -> None:
    fields = forward.declaration.params.model_fields
    missing = {name for name, declared in fields.items() if declared.is_required() and name not in params}
    if missing:
        raise ParameterError(
            f"Some required keys are missing in the request: {show_names(missing)}", field=min(missing)
        )
    forward.declaration.parse(dict(params))


def _gather_mode(values: Mapping[str, Any]) -> dict[str, Any]:
    """Accept the parts of a queue mode as keys of their own."""
    parts = {name: values[name] for name in _MODE_KEYS if name in values}
    if not parts or "mode" in values:
        return dict(values)
    return {**{name: value for name, value in values.items() if name not in parts}, "mode": parts}


def _read_position(value: Any) -> Any:
    """Return a position as a number also where a client sends its digits as text."""
    if isinstance(value, str) and value.removeprefix("-").isdecimal() and value.isascii():
        return int(value)
    return value
