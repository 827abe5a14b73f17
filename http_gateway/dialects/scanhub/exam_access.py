"""What a scan token opens among exam records: the exam task of its item, its sequence, and its results.

It issues no token, and stores none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from starlette.requests import HTTPConnection, Request

from http_gateway.credentials import find_credential
from http_gateway.dialects.scanhub.exam_calls import call, path_id, query_id
from http_gateway.dialects.scanhub.face import RULES
from http_gateway.errors import SchemeError
from http_gateway.identity import Identity
from http_gateway.link import Caller
from http_gateway.routes import request_id_of
from queue_server.protocol.errors import ForbiddenError, NotFoundError, StorageError

Check = Callable[[Request, Caller, str], Awaitable[bool]]
"""Whether a request is about what belongs to the item with this uid."""

_SCOPES = frozenset({"read:exams", "write:exams"})
_REFUSAL = "A scan token opens the exam task of its own scan, its sequence and its results, and nothing else."


class ScanTokens(Protocol):
    """Whoever knows the scan tokens that count now."""

    def verify(self, token: str) -> tuple[str, str] | None:
        """Return the id of the device and the uid of the item that a token is for; None if it does not count.

        It is called in a thread.

        Raises:
            OSError: the disk failed.
        """
        ...


def provide_scan_tokens(application: Any, tokens: ScanTokens) -> None:
    """Let the tokens count at the routes of exam records."""
    application.state.scan_tokens = tokens


async def _holder_of(connection: HTTPConnection) -> tuple[str, str] | None:
    tokens: ScanTokens | None = getattr(connection.app.state, "scan_tokens", None)
    if tokens is None:
        return None
    try:
        credential = find_credential(connection, RULES)
    except SchemeError:
        # The guard says what is wrong with it.
        return None
    if credential.kind != "api_key":
        # It has the form of an access token, or there is none.
        return None
    try:
        return await asyncio.to_thread(tokens.verify, credential.secret)
    except OSError as error:
        raise StorageError(f"The scan tokens cannot be read: {error}.") from error


def visit_if(check: Check) -> Callable[[Request], Awaitable[Caller | None]]:
    """Return what admits the bearer of a scan token where ``check`` allows it, and refuses it elsewhere."""

    async def visit(request: Request) -> Caller | None:
        holder = await _holder_of(request)
        if holder is None:
            return None
        device_id, item_uid = holder
        identity = Identity(f"device {device_id}", "", _SCOPES, credential=f"scan {item_uid}")
        client = request.client.host if request.client is not None else ""
        caller = Caller(identity, request_id_of(request), client)
        if not await check(request, caller, item_uid):
            raise ForbiddenError(_REFUSAL)
        return caller

    return visit


async def nothing(request: Request, caller: Caller, item_uid: str) -> bool:
    """Return false: a scan token does not open this."""
    return False


async def own_task(request: Request, caller: Caller, item_uid: str) -> bool:
    """Return whether the exam task in the path or in the query is the one that the item does."""
    wanted = path_id(request, "task_id") if "task_id" in request.path_params else query_id(request, "task_id")
    if wanted is None or wanted == item_uid:
        # Without an id the handler says what is missing.
        return True
    return wanted == (await _task_of(request, caller, item_uid)).get("id")


async def own_result(request: Request, caller: Caller, item_uid: str) -> bool:
    """Return whether the result in the path belongs to the exam task that the item does."""
    found = await call(request, caller, "exam_result_get", result_id=path_id(request, "result_id"))
    return found["result"]["task_id"] == (await _task_of(request, caller, item_uid)).get("id")


async def own_sequence(request: Request, caller: Caller, item_uid: str) -> bool:
    """Return whether the sequence in the path is the one that the item plays."""
    wanted = path_id(request, "sequence_id")
    return wanted == str((await _task_of(request, caller, item_uid)).get("sequence_id", "")).lower()


async def _task_of(request: Request, caller: Caller, item_uid: str) -> dict[str, Any]:
    try:
        reply = await call(request, caller, "exam_task_get", task_id=item_uid, tree=False)
    except NotFoundError:
        return {}
    task: dict[str, Any] = reply["task"]
    return task
