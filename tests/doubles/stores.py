"""Stores that misbehave in one way, around one that does not."""

from __future__ import annotations

import asyncio


class _Around:
    def __init__(self, store):
        self.inner = store

    @property
    def instance_id(self):
        """The identity of the inner store."""
        return self.inner.instance_id

    @property
    def epoch(self):
        """The epoch of the inner store."""
        return self.inner.epoch

    async def close(self):
        """Close the inner store."""
        await self.inner.close()


class GatedStore(_Around):
    """A store as slow as a test wants it: while the gate is shut, a transaction is under way and does not end."""

    def __init__(self, store):
        super().__init__(store)
        self._open = asyncio.Event()
        self._open.set()
        self._arrived = asyncio.Event()
        self.transactions = 0

    def shut(self):
        """Let no transaction end from now on."""
        self._open.clear()
        self._arrived.clear()

    async def wait_for_turn(self):
        """Wait until a transaction stands at the shut gate."""
        async with asyncio.timeout(60):
            await self._arrived.wait()

    def open(self):
        """Let transactions end."""
        self._open.set()

    async def transact(self, work):
        """Do the work once the gate is open."""
        self.transactions += 1
        self._arrived.set()
        await self._open.wait()
        return await self.inner.transact(work)


class FailingStore(_Around):
    """A store whose commits fail as long as ``failure`` is set: the work is done, and then undone."""

    def __init__(self, store):
        super().__init__(store)
        self.failure: Exception | None = None
        self.attempts = 0

    async def transact(self, work):
        """Do the work, and commit it unless there is a failure."""
        self.attempts += 1
        return await self.inner.transact(lambda tx: self._commit(work(tx)))

    def _commit(self, result):
        if self.failure is not None:
            raise self.failure
        return result
