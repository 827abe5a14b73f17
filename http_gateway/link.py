"""The gateway's link to the manager: requests on behalf of identities. Knows no HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from http_gateway.auth.throttle import Limit, LoginThrottle
from http_gateway.errors import TooLargeError
from http_gateway.identity import Identity
from http_gateway.mutations import MutationMark
from queue_server.client.channel import ControlChannel
from queue_server.client.exchange import REPLY_BOUNDS
from queue_server.clock import SystemClock
from queue_server.protocol.codec import CLIENT_BOUNDS, decode, encode
from queue_server.protocol.envelope import Request
from queue_server.protocol.errors import CommunicationError, EnvelopeError
from queue_server.protocol.methods import METHODS

TIMEOUT_S = 2.0
_LOCK_KEYS = Limit(10, 6.0)
_LOCK_KEYS_OF_USER = Limit(100, 2.0)
_WRONG_LOCK_KEY = (b"Invalid lock key", b"was locked with a different key")


@lru_cache(maxsize=256)
def _sort_scopes(scopes: frozenset[str]) -> tuple[str, ...]:
    return tuple(sorted(scopes))


@dataclass(frozen=True, slots=True)
class Caller:
    """For whom a request is made, and the request and address by which the log finds it again."""

    identity: Identity
    request_id: str = ""
    client: str = ""

    def as_origin(self) -> dict[str, Any]:
        """Return the ``origin`` of a request to the manager."""
        return {
            "user": self.identity.user,
            "group": self.identity.group,
            "scopes": _sort_scopes(self.identity.scopes),
            "client": self.client,
            "request_id": self.request_id,
        }


@dataclass(frozen=True, slots=True)
class Conditions:
    """When a mutation counts: once under an ``idempotency_key``, and only while the queue has the ``if_queue_uid``."""

    idempotency_key: str | None = None
    if_queue_uid: str | None = None


class ManagerLink:
    """Asks the manager; for one event loop.

    ``delegates`` says whether the manager is told for whom is asked: only its private socket accepts that.
    """

    def __init__(
        self,
        channel: ControlChannel,
        mark: MutationMark,
        *,
        delegates: bool = True,
        timeout_s: float = TIMEOUT_S,
        lock_keys: LoginThrottle | None = None,
    ) -> None:
        self._channel = channel
        self._mark = mark
        self._delegates = delegates
        self._timeout_s = timeout_s
        self._lock_keys = lock_keys or LoginThrottle(SystemClock(), pair=_LOCK_KEYS, account=_LOCK_KEYS_OF_USER)

    @property
    def in_flight(self) -> int:
        """How many requests wait for the manager."""
        return self._channel.in_flight

    async def ask(
        self,
        method: str,
        params: Mapping[str, Any],
        caller: Caller,
        conditions: Conditions | None = None,
        *,
        timeout_s: float | None = None,
    ) -> bytes:
        """Return the reply as JSON, exactly as the manager wrote it.

        Raises:
            RequestTimeoutError: no reply in time.
            BusyError: too many requests wait for the manager.
            ThrottledError: the caller has tried too many wrong lock keys.
            TooLargeError: the manager would not take it.
            CommunicationError: the gateway is closing.
        """
        conditions = conditions or Conditions()
        request = Request(
            method,
            params,
            idempotency_key=conditions.idempotency_key,
            if_queue_uid=conditions.if_queue_uid,
            origin=caller.as_origin() if self._delegates else None,
        )
        message = encode(request.as_mapping())
        if len(message) > CLIENT_BOUNDS.size_bytes:
            # The manager would drop the connection, and with it the requests of everybody else.
            raise TooLargeError(
                f"The request needs {len(message)} bytes; the manager takes {CLIENT_BOUNDS.size_bytes} at most."
            )
        declared = METHODS.get(method)
        has_lock_key = params.get("lock_key") is not None
        if has_lock_key:
            self._lock_keys.check(caller.identity.user, caller.client)
        try:
            # An emergency stop or a pause must not wait for what others ask.
            is_urgent = declared is not None and declared.kind == "motion"
            patience_s = max(self._timeout_s, 0.0 if declared is None else declared.patience_s)
            frame = await self._channel.ask(message, timeout_s or patience_s, urgent=is_urgent)
        finally:
            # Also without a reply: the manager may still carry the request out.
            if declared is None or declared.kind in ("mutation", "motion"):
                self._mark.set()
        if has_lock_key and _refuses_lock_key(frame):
            self._lock_keys.fail(caller.identity.user, caller.client)
        return frame

    async def call(
        self,
        method: str,
        params: Mapping[str, Any],
        caller: Caller,
        conditions: Conditions | None = None,
        *,
        timeout_s: float | None = None,
    ) -> dict[str, Any]:
        """Return the decoded reply.

        Raises:
            CommunicationError: what came is no reply; otherwise as ``ask``.
        """
        return read_reply(await self.ask(method, params, caller, conditions, timeout_s=timeout_s))


def _refuses_lock_key(frame: bytes) -> bool:
    if not any(words in frame for words in _WRONG_LOCK_KEY):
        return False
    reply = read_reply(frame)
    return reply.get("success") is False and any(words.decode() in str(reply.get("msg")) for words in _WRONG_LOCK_KEY)


def read_reply(frame: bytes) -> dict[str, Any]:
    """Return a decoded reply.

    Raises:
        CommunicationError: it is none.
    """
    try:
        reply, _ = decode(frame, REPLY_BOUNDS)
    except EnvelopeError as error:
        raise CommunicationError(f"The manager sent something that is not a reply: {error.message}") from error
    return reply
