"""The client side of exam records: six functions that block, and a class with the same six that awaits.

They ask the gateway at ``CUELIGHT_SCANHUB_URL``, or at the address that the client was made with. What goes wrong is
an ``HTTPException`` of FastAPI with the true status; ``request_errors`` has its kinds. GET and PUT are sent again
twice where nothing answers; POST only with an idempotency key. ``CUELIGHT_CA_FILE`` names the authorities that https
trusts besides the system's.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import time
from collections.abc import Mapping, Sequence
from typing import Final, Self, TypeVar
from urllib.parse import urlsplit

import httpx

from http_gateway.dialects.scanhub import request_calls as calls
from http_gateway.dialects.scanhub.exam_models import ResultOut
from http_gateway.dialects.scanhub.request_calls import Addresses, AnyTask, Call, Id, Payload
from http_gateway.dialects.scanhub.request_errors import ServiceMissingError
from queue_server.client.addresses import is_local

T = TypeVar("T")

URL_NAME: Final = "CUELIGHT_SCANHUB_URL"
DEFAULT_URL: Final = "http://127.0.0.1:60610"
TIMEOUT_S: Final = 3.0
"""How long a request waits for the connection, and for each part of the answer."""
PAUSES_S: Final = (0.2, 0.6)
"""Before a request is sent again; as many times as there are pauses."""
_CA_FILE_NAME: Final = "CUELIGHT_CA_FILE"


def find_base_url(environ: Mapping[str, str] = os.environ) -> str:
    """Return the address of the gateway that the environment names, without a slash at its end."""
    return (environ.get(URL_NAME) or DEFAULT_URL).rstrip("/")


_FOUND = Addresses.below(find_base_url())
TASK_URI = _FOUND.task
RESULT_URI = _FOUND.result
WORKFLOW_URI = _FOUND.exam
"""That of exams, to which ``get_exam_id`` adds ``/workflow/`` and the id."""


# --- functions that block -------------------------------------------------------------------------------------------


def get_task(task_id: Id, user_access_token: str) -> AnyTask:
    """Return a task with its results; the uid of the item that does it will do as its id.

    Raises:
        ExamRequestError: as its ``status_code`` says: 404 for no such task, 401 for a token that does not count.
    """
    return _send(calls.get_task(_addresses(), task_id, user_access_token))


def set_task(task_id: Id, payload: Payload, user_access_token: str, *, if_version: int | None = None) -> AnyTask:
    """Change a task and return it; only if it has the version ``if_version``, where that is given.

    Raises:
        ExamRequestError: 400 for values that do not fit, 409 where the queue owns what would change, 412 for
            another version; otherwise as ``get_task``.
    """
    return _send(calls.set_task(_addresses(), task_id, payload, user_access_token, if_version))


def create_blank_result(task_id: Id, user_access_token: str, *, idempotency_key: str | None = None) -> ResultOut:
    """Add a blank result to a task and return it; with a key it is added once, however often it is asked for.

    Raises:
        ExamRequestError: 400 for a template; otherwise as ``get_task``.
    """
    return _send(calls.create_blank_result(_addresses(), task_id, user_access_token, idempotency_key))


def set_result(result_id: Id, payload: Payload, user_access_token: str, *, if_version: int | None = None) -> ResultOut:
    """Say what a result is and return it.

    Raises:
        ExamRequestError: as ``set_task``.
    """
    return _send(calls.set_result(_addresses(), result_id, payload, user_access_token, if_version))


def get_result(result_id: Id, user_access_token: str) -> ResultOut:
    """Return a result.

    Raises:
        ExamRequestError: as ``get_task``.
    """
    return _send(calls.get_result(_addresses(), result_id, user_access_token))


def get_exam_id(workflow_id: Id, user_access_token: str) -> str:
    """Return the id of the exam that a workflow belongs to.

    Raises:
        ExamRequestError: 404 also for a workflow that belongs to none; otherwise as ``get_task``.
    """
    return _send(calls.get_exam_id(_addresses(), workflow_id, user_access_token))


def _addresses() -> Addresses:
    return Addresses(TASK_URI, RESULT_URI, WORKFLOW_URI)


def _send(call: Call[T]) -> T:
    pauses = list(PAUSES_S) if call.is_repeatable else []
    headers = call.headers
    with httpx.Client(timeout=TIMEOUT_S, trust_env=not _is_here(call.url), verify=_trust(call.url)) as client:
        while True:
            try:
                response = client.request(call.verb, call.url, headers=headers, content=call.body)
                return call.take(response.status_code, response.content)
            except ServiceMissingError:
                if not pauses:
                    raise
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                if not pauses:
                    raise _explain(call, error) from error
            time.sleep(pauses.pop(0))


# --- the same, awaited ----------------------------------------------------------------------------------------------


class AsyncExamClient:
    """The six functions for asyncio, over connections that are kept; use it in ``async with``, or ``close`` it."""

    def __init__(
        self, base_url: str | None = None, *, timeout_s: float = TIMEOUT_S, pauses_s: Sequence[float] = PAUSES_S
    ) -> None:
        self._addresses = _addresses() if base_url is None else Addresses.below(base_url)
        self._pauses_s = tuple(pauses_s)
        url = self._addresses.exam
        self._client = httpx.AsyncClient(timeout=timeout_s, trust_env=not _is_here(url), verify=_trust(url))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def get_task(self, task_id: Id, user_access_token: str) -> AnyTask:
        """Return a task with its results; as the function ``get_task``."""
        return await self._send(calls.get_task(self._addresses, task_id, user_access_token))

    async def set_task(
        self, task_id: Id, payload: Payload, user_access_token: str, *, if_version: int | None = None
    ) -> AnyTask:
        """Change a task and return it; as the function ``set_task``."""
        return await self._send(calls.set_task(self._addresses, task_id, payload, user_access_token, if_version))

    async def create_blank_result(
        self, task_id: Id, user_access_token: str, *, idempotency_key: str | None = None
    ) -> ResultOut:
        """Add a blank result to a task and return it; as the function ``create_blank_result``."""
        return await self._send(calls.create_blank_result(self._addresses, task_id, user_access_token, idempotency_key))

    async def set_result(
        self, result_id: Id, payload: Payload, user_access_token: str, *, if_version: int | None = None
    ) -> ResultOut:
        """Say what a result is and return it; as the function ``set_result``."""
        return await self._send(calls.set_result(self._addresses, result_id, payload, user_access_token, if_version))

    async def get_result(self, result_id: Id, user_access_token: str) -> ResultOut:
        """Return a result; as the function ``get_result``."""
        return await self._send(calls.get_result(self._addresses, result_id, user_access_token))

    async def get_exam_id(self, workflow_id: Id, user_access_token: str) -> str:
        """Return the id of the exam that a workflow belongs to; as the function ``get_exam_id``."""
        return await self._send(calls.get_exam_id(self._addresses, workflow_id, user_access_token))

    async def _send(self, call: Call[T]) -> T:
        pauses = list(self._pauses_s) if call.is_repeatable else []
        headers = call.headers
        while True:
            try:
                response = await self._client.request(call.verb, call.url, headers=headers, content=call.body)
                return call.take(response.status_code, response.content)
            except ServiceMissingError:
                if not pauses:
                    raise
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                if not pauses:
                    raise _explain(call, error) from error
            await asyncio.sleep(pauses.pop(0))


def _explain(call: Call[T], error: Exception) -> ServiceMissingError:
    told = str(error) or type(error).__name__
    return ServiceMissingError(f"{call.verb} {call.url.partition('?')[0]} has no answer: {told}.")


def _is_here(url: str) -> bool:
    """Return whether an address is on this host; no proxy is asked for such a one."""
    host = urlsplit(url).hostname or ""
    return is_local(f"tcp://[{host}]:0" if ":" in host else f"tcp://{host}:0")


def _trust(url: str) -> ssl.SSLContext | bool:
    if not url.startswith("https:"):
        # Loading the authorities takes longer than a request.
        return False
    path = os.environ.get(_CA_FILE_NAME)
    try:
        return ssl.create_default_context(cafile=path or None)
    except OSError as error:
        raise ServiceMissingError(f"{_CA_FILE_NAME}: the certificates in {path} cannot be used: {error}.") from error
