"""Watches over those who read without end: whoever loses a credential or a scope loses an open stream with it.

Looks at deadlines, once for all streams of an identity: accounts and policies can change in ways of which no process
is told, such as by another gateway on the same database.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextlib import contextmanager
from typing import Any, Final

from http_gateway.authorize import require
from http_gateway.errors import ClosingError, CredentialError
from http_gateway.identity import Identity
from queue_server.protocol.errors import CuelightError

EACH_S: Final = 0.4

_log = logging.getLogger(__name__)

Renew = Callable[[Identity], Awaitable[Identity]]


class Watch:
    """One stream: for whom it is open, and what has become of them."""

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self._outcome: Identity | CuelightError | None = None
        self._came = asyncio.Event()

    def change(self, identity: Identity) -> None:
        """Go on for another identity."""
        self.identity, self._outcome = identity, None
        self._came.clear()

    def tell(self, outcome: Identity | CuelightError) -> None:
        """Take what has become of the identity."""
        if outcome != self.identity:
            self._outcome = outcome
            self._came.set()

    async def news(self) -> Identity:
        """Wait until something has changed; return who reads now.

        Raises:
            CredentialError: nobody may any more.
        """
        while True:
            await self._came.wait()
            self._came.clear()
            outcome, self._outcome = self._outcome, None
            if isinstance(outcome, CuelightError):
                raise outcome
            if outcome is not None:
                self.identity = outcome
                return outcome


class Vigil:
    """Asks ``renew`` for everybody who is watched, at each deadline; for one event loop."""

    def __init__(self, renew: Renew, each_s: float = EACH_S) -> None:
        self._renew = renew
        self._each_s = each_s
        self._watches: set[Watch] = set()
        self._looking: asyncio.Task[None] | None = None
        self._is_blind = False
        self.ended = asyncio.Event()
        """Set once the gateway stops serving."""

    @contextmanager
    def watch(self, identity: Identity) -> Generator[Watch]:
        """Watch over one stream."""
        watch = Watch(identity)
        self._watches.add(watch)
        if self.ended.is_set():
            watch.tell(ClosingError())
        if self._looking is None:
            self._looking = asyncio.create_task(self._look_again(), name="vigil")
        try:
            yield watch
        finally:
            self._watches.discard(watch)

    async def hold(self, identity: Identity, scope: str, work: Coroutine[Any, Any, None]) -> None:
        """Run ``work`` to its end, but no longer than the identity has the scope.

        Raises:
            CredentialError, ScopeError: it has not any more.
        """
        with self.watch(identity) as watch:
            working, losing = asyncio.create_task(work), asyncio.create_task(_await_loss(watch, scope))
            try:
                done, _ = await asyncio.wait({working, losing}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (working, losing):
                    task.cancel()
                await asyncio.gather(working, losing, return_exceptions=True)
            for task in done:
                task.result()

    def end(self) -> None:
        """End all streams, and those that begin from now on: the gateway stops serving."""
        self.ended.set()
        for watch in self._watches:
            watch.tell(ClosingError())

    async def close(self) -> None:
        """Watch no more."""
        looking, self._looking = self._looking, None
        if looking is not None:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)

    async def _look_again(self) -> None:
        while self._watches:
            await asyncio.sleep(self._each_s)
            by_identity: dict[Identity, list[Watch]] = {}
            for watch in self._watches:
                by_identity.setdefault(watch.identity, []).append(watch)
            looks = (self._look(identity, watches) for identity, watches in by_identity.items())
            outcomes = await asyncio.gather(*looks, return_exceptions=True)
            self._note([each for each in outcomes if isinstance(each, BaseException)])
        self._looking = None

    async def _look(self, identity: Identity, watches: list[Watch]) -> None:
        try:
            outcome: Identity | CuelightError = await self._renew(identity)
        except CredentialError as error:
            outcome = error
        for watch in watches:
            # Meanwhile another one may read.
            if watch.identity == identity:
                watch.tell(outcome)

    def _note(self, failures: list[BaseException]) -> None:
        if failures and not self._is_blind:
            _log.error("Whether open streams may go on cannot be checked now", exc_info=failures[0])
        self._is_blind = bool(failures)


async def _await_loss(watch: Watch, scope: str) -> None:
    while True:
        require(await watch.news(), scope)
