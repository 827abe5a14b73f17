"""What all routes of the dialect do: ask the manager, read names and bodies, and write answers."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final, cast

import orjson
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from http_gateway.bounded import read_whole
from http_gateway.errors import BodyError, TooLargeError
from http_gateway.link import Caller
from http_gateway.routes import services_of
from queue_server.protocol.codec import CLIENT_BOUNDS, decode
from queue_server.protocol.errors import (
    BusyError,
    ConflictError,
    CuelightError,
    EnvelopeError,
    ForbiddenError,
    LockedError,
    NotFoundError,
    ParameterError,
    RefusedError,
    ShuttingDownError,
    StateError,
    StorageBusyError,
    StorageError,
    StorageFullError,
)
from queue_server.protocol.methods import METHODS

MOST_LISTED: Final = 20_000
"""Records in one answer; these clients know no pages."""
_PAGE: Final = 500
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,128}")
# What is put around the values of a body on their way to the manager counts there too.
_BOUNDS = replace(CLIENT_BOUNDS, depth=CLIENT_BOUNDS.depth - 4)

_KINDS: dict[str, type[CuelightError]] = {
    kind.code: kind
    for kind in (
        ParameterError,
        RefusedError,
        StateError,
        NotFoundError,
        ConflictError,
        ForbiddenError,
        LockedError,
        BusyError,
        ShuttingDownError,
        StorageError,
        StorageBusyError,
        StorageFullError,
    )
}


async def call(request: Request, caller: Caller, method: str, **params: Any) -> dict[str, Any]:
    """Return the reply of the manager.

    Raises:
        CuelightError: the manager refuses, or does not answer.
    """
    claims = {"user": caller.identity.user, "user_group": caller.identity.group}
    known = METHODS[method].params.model_fields
    given = params | {name: value for name, value in claims.items() if name in known}
    reply = await services_of(request).link.call(method, given, caller)
    if reply.get("success") is not True:
        raise _error_in(reply)
    return reply


async def pages(request: Request, caller: Caller, method: str, key: str, **params: Any) -> AsyncIterator[Any]:
    """Give all records of a list of the manager, whose reply has them as ``key``.

    Raises:
        TooLargeError: there are more than one answer may have.
        CuelightError: as ``call``.
    """
    given, cursor = 0, None
    while True:
        page = await call(request, caller, method, limit=_PAGE, cursor=cursor, **params)
        for record in page[key]:
            yield record
        given += len(page[key])
        cursor = page.get("next_cursor")
        if cursor is None:
            return
        if given >= MOST_LISTED:
            raise TooLargeError(
                f"There are more than {MOST_LISTED} records. Read them in pages at /v1{METHODS[method].route[1]}."
            )


def _error_in(reply: Mapping[str, Any]) -> CuelightError:
    given = reply.get("error")
    known = cast("dict[str, Any]", given) if isinstance(given, dict) else {}
    code = str(known.get("code", RefusedError.code))
    kind = ParameterError if code == EnvelopeError.code else _KINDS.get(code, CuelightError)
    return kind(str(reply.get("msg", "")), details=known.get("details") or {})


def path_name(request: Request, name: str) -> str:
    """Return an id in the path.

    Raises:
        NotFoundError: nothing can have this id.
    """
    text = str(request.path_params[name])
    if not _NAME.fullmatch(text):
        raise NotFoundError(f"There is nothing with the {name} {text[:80]!r}.")
    return text


async def read_object(request: Request, known: frozenset[str]) -> dict[str, Any]:
    """Return the JSON object in the body, which has no keys but the known ones.

    Raises:
        BodyError: there is no body, or it is no JSON object.
        ParameterError: it has another key.
        TooLargeError, SlowBodyError: it is too large or too slow.
    """
    data = (await read_whole(request)).strip()
    if not data.startswith(b"{"):
        raise BodyError("The body must be a JSON object.", kind="dict_type")
    try:
        body = decode(data, _BOUNDS)[0]
    except EnvelopeError as error:
        raise BodyError(error.message, kind="json_invalid") from error
    unknown = sorted(set(body) - known)
    if unknown:
        raise ParameterError(f"{unknown[0]!r} is not known here; use {sorted(known)}.", field=unknown[0])
    return body


def read_text(body: Mapping[str, Any], name: str, most: int = 512) -> str:
    """Return a text that a body must have.

    Raises:
        ParameterError: it is missing, empty, too long or no text.
    """
    value = body.get(name)
    if not isinstance(value, str) or not value.strip() or len(value) > most:
        raise ParameterError(f"{name!r} must be text of 1 to {most} characters.", field=name)
    return value


def answer(content: object, status: int = 200) -> Response:
    """Return an answer of JSON."""
    return Response(orjson.dumps(content), status, media_type="application/json")


def done() -> Response:
    """Return the answer to a deletion."""
    return Response(status_code=204)
