"""Requests that may be repeated under their idempotency key: which are under way, and which orders were obeyed.

It keeps no answers of the store, and of a request it knows what makes it the same one.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import orjson
from msgspec import Struct

from queue_server.protocol.envelope import Request
from queue_server.protocol.errors import ConflictError, ParameterError, ToldOnceError
from queue_server.storage.base import StoredReply, Transaction

PATIENCE_S = 1.0
"""How long a repetition waits for the request that it repeats, before it is told that this is unfinished."""

MOST_OBEYED = 10_000
_STORED_PER_CLEANING = 100
_CLEANED_AT_ONCE = 2 * _STORED_PER_CLEANING


class UnderWay(Struct, frozen=True):
    """A request that has no answer yet."""

    digest: bytes
    answer: asyncio.Future[bytes]

    def wait(self, then: Callable[[], None], otherwise: Callable[[], None]) -> None:
        """Call ``then`` once the answer is there, or ``otherwise`` if that takes too long."""
        # Whatever comes first ends the other one.
        timer = asyncio.get_running_loop().call_later(PATIENCE_S, lambda: give_up())

        def go_on(_done: asyncio.Future[bytes]) -> None:
            timer.cancel()
            then()

        def give_up() -> None:
            self.answer.remove_done_callback(go_on)
            otherwise()

        self.answer.add_done_callback(go_on)


class Repetition:
    """What is known in memory of requests with a key; answers are kept for ``kept_days``, at most ``kept``."""

    def __init__(self, kept_days: float = 7.0, kept: int = 100_000) -> None:
        self._kept_s = kept_days * 86_400.0
        self._kept = kept
        self._under_way: dict[str, UnderWay] = {}
        self._obeyed: OrderedDict[str, tuple[bytes, Mapping[str, Any]]] = OrderedDict()
        self._stored = 0

    def begin(self, key: str, digest: bytes, answer: asyncio.Future[bytes]) -> None:
        """Remember a request until it has its answer."""
        self._under_way[key] = UnderWay(digest, answer)
        answer.add_done_callback(lambda _done: self._under_way.pop(key, None))

    def find(self, key: str, digest: bytes) -> UnderWay | None:
        """Return the same request, if it is under way.

        Raises:
            ConflictError: the key belongs to another request.
        """
        self.obeyed(key, digest)
        found = self._under_way.get(key)
        if found is not None and found.digest != digest:
            raise used_otherwise(key)
        return found

    def obey(self, key: str, digest: bytes, fields: Mapping[str, Any]) -> None:
        """Remember the answer to an order that does not wait for the store; the oldest ones make room."""
        self._obeyed[key] = (digest, fields)
        if len(self._obeyed) > MOST_OBEYED:
            self._obeyed.popitem(last=False)

    def obeyed(self, key: str, digest: bytes) -> Mapping[str, Any] | None:
        """Return the answer that an order has had, or None if it is new.

        Raises:
            ConflictError: the key belongs to another request.
        """
        found = self._obeyed.get(key)
        if found is None:
            return None
        if found[0] != digest:
            raise used_otherwise(key)
        return found[1]

    def store(self, tx: Transaction, key: str, reply: StoredReply, now: float) -> None:
        """Keep a finished answer in the transaction of its change; now and then, forget the oldest ones."""
        tx.store_reply(key, reply, now)
        self._stored += 1
        if self._stored % _STORED_PER_CLEANING == 0:
            tx.forget_replies(before=now - self._kept_s, keep=self._kept, most=_CLEANED_AT_ONCE)


def used_otherwise(key: str) -> ConflictError:
    """Return the error for a key that came with another request."""
    return ConflictError(f"The idempotency key {key!r} was used for another request.")


def told_before(names: Iterable[str], known: Mapping[str, Any]) -> ToldOnceError:
    """Return the error for a repetition of what was done, and whose answer cannot be given again.

    ``known`` are the other fields of the answer, which the refusal shows.
    """
    told = " and ".join(map(repr, names))
    return ToldOnceError(
        f"The request with this key was done before. Its answer had {told}, told once and kept nowhere: if it was "
        "lost, ask for a new one."
    ).with_fields(**known)


def digest_of(request: Request) -> bytes:
    """Return what is equal for requests that ask for the same.

    Raises:
        ParameterError: its parameters are not JSON.
    """
    try:
        body = orjson.dumps([request.method, request.params], option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)
    except TypeError as error:
        message = f"The parameters of a repeatable request must be JSON: {error}."
        raise ParameterError(message, field="params") from error
    return hashlib.sha256(body).digest()
