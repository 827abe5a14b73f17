"""A light HTTP/1.1 client for measurements: connections that are kept, and no library that could be the slow part."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

PATIENCE_S = 30.0


@dataclass(frozen=True)
class Site:
    """An address and the API key that it knows."""

    address: str
    key: str

    def request(self, verb: str, path: str, body: bytes = b"") -> bytes:
        """Return the bytes of one request."""
        host = urlsplit(self.address).netloc
        head = [f"{verb} {path} HTTP/1.1", f"Host: {host}", f"Authorization: ApiKey {self.key}"]
        if body:
            head += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        return "\r\n".join([*head, "", ""]).encode() + body


class Connection(asyncio.Protocol):
    """One connection with one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._answer: asyncio.Future[bytes] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionError("The server has closed the connection."))

    def data_received(self, data: bytes) -> None:
        """Take a part of a response."""
        self._buffer = self._buffer + data if self._buffer else data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0 or self._answer is None:
            return
        at = self._buffer[:end].lower().find(b"\r\ncontent-length:")
        length = int(self._buffer[at + 17 : end].partition(b"\r\n")[0]) if at >= 0 else 0
        if len(self._buffer) < end + 4 + length:
            return
        answer, self._buffer = self._buffer, b""
        if not self._answer.done():
            self._answer.set_result(answer)

    async def ask(self, request: bytes) -> bytes:
        """Send a request and return the whole response, which must be a success."""
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        answer = await self._answer
        if answer[9:12] != b"200" or b'"success":false' in answer.replace(b": ", b":"):
            raise SystemExit(f"A request failed; the figures would mean nothing: {answer[:1000]!r}")
        return answer

    def close(self) -> None:
        """Close it."""
        if self._transport is not None:
            self._transport.close()


@asynccontextmanager
async def connections(site: Site, count: int) -> AsyncGenerator[list[Connection]]:
    """Give so many connections."""
    parts = urlsplit(site.address)
    assert parts.hostname is not None
    assert parts.port is not None
    loop = asyncio.get_running_loop()
    opened: list[Connection] = []
    try:
        for _ in range(count):
            _, connection = await loop.create_connection(Connection, parts.hostname, parts.port)
            opened.append(connection)
        yield opened
    finally:
        for connection in opened:
            connection.close()


async def ask(site: Site, verb: str, path: str, body: bytes = b"") -> Any:
    """Send one request on a connection of its own; return what the JSON of its answer holds."""
    async with connections(site, 1) as [connection]:
        answer = await asyncio.wait_for(connection.ask(site.request(verb, path, body)), PATIENCE_S)
    return json.loads(answer.partition(b"\r\n\r\n")[2])


async def measure_rate(site: Site, request: bytes, count: int, seconds: float) -> float:
    """Return how many requests per second ``count`` clients get answered, each asking again at once."""
    async with connections(site, count) as opened:
        await asyncio.gather(*(connection.ask(request) for connection in opened))
        started_s = time.perf_counter()
        until_s = started_s + seconds

        async def repeat(connection: Connection) -> int:
            answered = 0
            while time.perf_counter() < until_s:
                await connection.ask(request)
                answered += 1
            return answered

        answered = sum(await asyncio.wait_for(asyncio.gather(*map(repeat, opened)), seconds + PATIENCE_S))
        return answered / (time.perf_counter() - started_s)


async def measure_latencies(site: Site, request: bytes, per_second: float, seconds: float) -> list[float]:
    """Return the times in milliseconds that requests at a fixed pace take, from when they were due."""
    async with connections(site, 16) as opened:
        free: asyncio.Queue[Connection] = asyncio.Queue()
        for connection in opened:
            free.put_nowait(connection)
        loop = asyncio.get_running_loop()
        started_s = loop.time()

        async def ask_at(due_s: float) -> float:
            connection = await free.get()
            try:
                await connection.ask(request)
                return (loop.time() - due_s) * 1000
            finally:
                free.put_nowait(connection)

        tasks: list[asyncio.Task[float]] = []
        for number in range(int(per_second * seconds)):
            due_s = started_s + number / per_second
            await asyncio.sleep(due_s - loop.time())
            tasks.append(asyncio.create_task(ask_at(due_s)))
        return list(await asyncio.wait_for(asyncio.gather(*tasks), PATIENCE_S))
