"""Many scanners in a thread of their own, made with the kit or behaving as those of the second generation."""

from __future__ import annotations

import asyncio
import os
import threading
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Self

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from device_worker.remote import Credentials, Scan
from device_worker.remote import Scanner as KitScanner
from tests.doubles.scanner import Scanner
from tests.processes.waiting import PATIENCE_S

CONTENT_BYTES = 20_000
STEPS = (20, 40, 60, 80)
STEP_S = 0.01
# Long enough that a gateway that is killed is so in the middle of scans, not after all of their frames have left.
LONG_STEP_S = 0.1
RECONNECT_S = 0.5


class Fleet(ABC):
    """Scanners at one gateway. It counts how often each scan was begun, and keeps which of them have ended."""

    def __init__(self, url: str, credentials: Sequence[Credentials]) -> None:
        self.url = url
        self.begun: Counter[str] = Counter()
        self.ended: set[str] = set()
        self._credentials = credentials
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),), daemon=True)
        self._closing = asyncio.Event()

    @abstractmethod
    async def serve_one(self, credentials: Credentials) -> None:
        """Be one of the scanners until cancelled."""

    @contextmanager
    def running(self) -> Iterator[Self]:
        """Serve inside the block."""
        self._thread.start()
        try:
            yield self
        finally:
            self._loop.call_soon_threadsafe(self._closing.set)
            self._thread.join(PATIENCE_S)
            self._loop.close()

    async def _serve(self) -> None:
        tasks = [asyncio.create_task(self.serve_one(each)) for each in self._credentials]
        await self._closing.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class KitFleet(Fleet):
    """Scanners made with the kit."""

    async def serve_one(self, credentials: Credentials) -> None:
        """Be one of the scanners until cancelled."""
        await KitScanner(self.url, credentials, self._carry_out).serve()

    async def _carry_out(self, scan: Scan) -> None:
        self.begun[scan.id] += 1
        for percent in STEPS:
            scan.progress(percent)
            await asyncio.sleep(STEP_S)
        await scan.upload("raw.mrd", os.urandom(CONTENT_BYTES))
        self.ended.add(scan.id)


class Gen2Fleet(Fleet):
    """Scanners that send what those of the second generation do, and give a scan up with their connection.

    One of them tries once to connect again and is deaf afterwards, until somebody starts it again; here that happens
    at once.
    """

    def __init__(self, url: str, credentials: Sequence[Credentials]) -> None:
        super().__init__(url, credentials)
        self.interrupted: set[str] = set()

    async def serve_one(self, credentials: Credentials) -> None:
        """Be one of the scanners until cancelled."""
        while True:
            try:
                async with connect(self.url, additional_headers=credentials.headers(), max_size=None) as socket:
                    await self._talk(socket)
            except (OSError, TimeoutError, ConnectionClosed, InvalidHandshake):
                await asyncio.sleep(RECONNECT_S)

    async def _talk(self, socket: ClientConnection) -> None:
        scanner = Scanner(socket, "gen2")
        await scanner.register()
        while True:
            # A scanner waits for its next scan as long as that takes.
            text = await socket.recv()
            if orjson.loads(text)["command"] == "start":
                await self._carry_out(scanner, text)

    async def _carry_out(self, scanner: Scanner, text: str | bytes) -> None:
        scanner.take_start(text)
        uid = str(scanner.started.id)
        self.begun[uid] += 1
        try:
            await scanner.status("BUSY")
            for percent in (0, *STEPS, 100):
                await scanner.progress(percent)
                await asyncio.sleep(LONG_STEP_S)
            await scanner.upload(os.urandom(CONTENT_BYTES), "raw.mrd")
            await scanner.online()
        except ConnectionClosed:
            self.interrupted.add(uid)
            raise
        self.ended.add(uid)
