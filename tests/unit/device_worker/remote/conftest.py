"""A gateway in small, on a real WebSocket: it starts scans, and sees what the kit says."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.server import serve

from device_worker.remote import Credentials, Details, Scanner

PATIENCE_S = 60.0
CREDENTIALS = Credentials("9b2e5e3a-7a3b-4a52-9d0c-1f2a3b4c5d6e", "a-token")


class Line:
    """One connection of a device."""

    def __init__(self, socket):
        self.socket = socket
        self.heard: list[Any] = []
        self._news = asyncio.Event()

    async def listen(self):
        """Keep what is said until the connection ends."""
        async for message in self.socket:
            self.heard.append(message if isinstance(message, bytes) else json.loads(message))
            self._news.set()

    async def wait_for(self, condition):
        """Return the first frame that fulfils a condition, also one that came before."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                for frame in self.heard:
                    if isinstance(frame, dict) and condition(frame):
                        return frame
                self._news.clear()
                await self._news.wait()

    async def command(self, name):
        """Return the first frame with a command."""
        return await self.wait_for(lambda frame: frame["command"] == name)

    async def status(self, word, progress: int | None = None):
        """Return the first frame with a status."""
        return await self.wait_for(
            lambda frame: (
                frame.get("status") == word and (progress is None or frame["data"].get("progress") == progress)
            )
        )

    async def end(self):
        """Return the frame that says that nothing runs."""
        return await self.wait_for(lambda frame: frame.get("status") == "ONLINE" and frame["task_id"] is None)

    async def say(self, **frame):
        """Send a frame."""
        await self.socket.send(json.dumps(frame))

    async def start(self, uid="item-1", **more):
        """Start a scan."""
        data = {
            "id": uid,
            "access_token": f"right-to-{uid}",
            "name": "localizer",
            "sequence": {"seq_file": "…"},
            **more,
        }
        await self.say(command="start", data=data)

    @property
    def files(self):
        """The bytes of each file that was sent, by name."""
        found: dict[str, bytes] = {}
        name = ""
        for frame in self.heard:
            if isinstance(frame, bytes):
                found[name] += frame
            elif frame["command"] == "file-transfer":
                name = frame["filename"]
                found[name] = b""
        return found


class Gateway:
    """Takes connections, one after the other."""

    def __init__(self):
        self.lines: asyncio.Queue[Line] = asyncio.Queue()
        self.headers: list[Any] = []
        self.refuses = False
        self.refused = asyncio.Event()
        self.url = ""

    async def take(self, socket):
        """Keep a connection."""
        self.headers.append(socket.request.headers)
        if self.refuses:
            await socket.close(1008)
            self.refused.set()
            return
        line = Line(socket)
        self.lines.put_nowait(line)
        await line.listen()

    async def next_line(self):
        """Return the next connection, with the device registered."""
        async with asyncio.timeout(PATIENCE_S):
            line = await self.lines.get()
        await line.command("register")
        return line


@pytest.fixture
async def gateway():
    """A gateway that accepts every device."""
    gateway = Gateway()
    async with serve(gateway.take, "127.0.0.1", 0, max_size=None) as server:
        gateway.url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield gateway


@pytest.fixture
def scanning(gateway):
    """Let a device with a program serve inside the block."""

    @asynccontextmanager
    async def scanning(program, **options):
        scanner = Scanner(gateway.url, CREDENTIALS, program, details=Details(device_name="scanner"), **options)
        serving = asyncio.create_task(scanner.serve())
        try:
            yield scanner
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)

    return scanning
