"""What is done beside the requests: the last use of keys is written, and what has expired is removed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from sqlalchemy import Connection

from http_gateway.auth.api_keys import note_activity, purge_keys
from http_gateway.auth.sessions import purge_sessions
from http_gateway.auth.store import AccountStore
from queue_server.clock import Clock
from queue_server.protocol.errors import StorageError

_log = logging.getLogger(__name__)

PURGE_PERIOD_S = 600.0
_COLLECT_S = 1.0


class Upkeep:
    """Works on the account database until it is closed; a failure is logged, and the next attempt follows."""

    def __init__(self, store: AccountStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._uses: dict[str, float] = {}
        self._used = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin, in the running event loop."""
        works = (self._write_uses(), self._purge())
        self._tasks = [asyncio.create_task(work, name="account upkeep") for work in works]

    async def close(self) -> None:
        """End; what was noted is written."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.flush()

    def note_use(self, key_hash: str, time: float) -> None:
        """Note that a key was used; it is written a second later. There are as many notes as keys at most."""
        self._uses[key_hash] = time
        self._used.set()

    async def flush(self) -> None:
        """Write what was noted."""
        self._used.clear()
        uses, self._uses = self._uses, {}
        if uses:
            await self._try(lambda connection: note_activity(connection, uses))

    async def purge(self) -> None:
        """Remove expired sessions and keys."""
        now = self._clock.wall()

        def purge(connection: Connection) -> None:
            sessions, keys = purge_sessions(connection, now), purge_keys(connection, now)
            if sessions or keys:
                _log.info("Removed %d expired sessions and %d expired API keys", sessions, keys)

        await self._try(purge)

    async def _write_uses(self) -> None:
        while True:
            await self._used.wait()
            await asyncio.sleep(_COLLECT_S)
            await self.flush()

    async def _purge(self) -> None:
        while True:
            await self.purge()
            await asyncio.sleep(PURGE_PERIOD_S)

    async def _try(self, work: Callable[[Connection], None]) -> None:
        try:
            await self._store.write(work)
        except StorageError as error:
            _log.error("%s", error.message)
