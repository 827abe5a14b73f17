"""A scanner on a real WebSocket, which sends what the device SDKs of both generations do, in their order."""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import asynccontextmanager
from typing import Any

import orjson
from websockets.asyncio.client import connect

from tests.doubles.device_sdk import read_as_sdk
from tests.doubles.gateway import PATIENCE_S


class Scanner:
    """One connection of a device; every wait has a deadline."""

    def __init__(self, socket, generation):
        self.socket = socket
        self.generation = generation
        self.started: Any = None
        self.frames: list[dict[str, Any]] = []

    # --- what it hears ----------------------------------------------------------------------------------------------

    async def next_frame(self):
        """Return the next frame, read as the SDK reads it."""
        async with asyncio.timeout(PATIENCE_S):
            text = await self.socket.recv()
        frame = orjson.loads(text)
        self.frames.append(frame)
        if frame["command"] == "start":
            self.take_start(text)
        else:
            read_as_sdk(text, self.generation)
        return frame

    def take_start(self, text):
        """Keep what the SDK makes of a start."""
        self.started = read_as_sdk(text, self.generation)

    async def wait_for(self, command):
        """Return the next frame with that command."""
        while (frame := await self.next_frame())["command"] != command:
            pass
        return frame

    async def closed(self):
        """Return the code with which the connection ends."""
        async with asyncio.timeout(PATIENCE_S):
            await self.socket.wait_closed()
        return self.socket.close_code

    # --- what it says -----------------------------------------------------------------------------------------------

    async def tell(self, **frame):
        """Send a frame."""
        await self.socket.send(orjson.dumps(frame).decode())

    async def register(self, **details):
        """Present itself, after an ONLINE in the third generation."""
        if self.generation == "gen3":
            await self.online()
        names = ("device_name", "serial_number", "manufacturer", "modality", "status", "site", "parameter")
        await self.tell(command="register", data={**dict.fromkeys(names), "device_name": "scanner", **details})
        await self.wait_for("feedback")

    async def status(self, status, data=None, *, about=None):
        """Tell a status, about the scan of a start frame or about itself."""
        ids = {"task_id": None, "user_access_token": None}
        if about is not None:
            ids = {"task_id": str(about.id), "user_access_token": about.access_token}
        await self.tell(command="update_status", status=status, data=data, **ids)

    async def online(self):
        """Be idle: with a scan its end."""
        await self.status("ONLINE", None if self.generation == "gen2" else {})

    async def begin(self):
        """Wait for a start, and begin."""
        await self.wait_for("start")
        if self.generation == "gen2":
            await self.status("BUSY")
        await self.progress(0)

    async def progress(self, percent):
        """Tell how far the scan is."""
        await self.status("BUSY", {"progress": percent}, about=self.started)

    async def fail(self, text):
        """Fail in the scan."""
        await self.status("ERROR", {"error_message": text}, about=self.started)

    async def announce(self, size_bytes, name="a.mrd", sha256: str | None = None, about=None):
        """Send the header of an upload."""
        started = about or self.started
        await self.tell(
            command="file-transfer",
            task_id=str(started.id),
            user_access_token=started.access_token,
            filename=name,
            size_bytes=size_bytes,
            content_type="application/octet-stream",
            sha256=sha256,
        )

    async def upload(self, content, name="a.mrd", piece_bytes=1024 * 1024, about=None):
        """Upload a file as the SDK does, without waiting for an answer."""
        await self.announce(len(content), name, hashlib.sha256(content).hexdigest(), about)
        for begin in range(0, len(content), piece_bytes):
            await self.socket.send(content[begin : begin + piece_bytes])

    async def finish(self, content):
        """End a scan with one file, in the order of its generation."""
        if self.generation == "gen2":
            await self.upload(content)
            await self.online()
        else:
            await self.progress(100)
            await self.online()
            await self.upload(content)


def address_of(client):
    """Return the address of the socket of devices at a gateway."""
    return str(client.base_url).replace("http", "ws", 1).rstrip("/") + "/api/v1/device/ws"


@asynccontextmanager
async def connected(client, device_id, token, generation="gen3"):
    """Connect a device; it is registered only if it does so."""
    headers = {"Device-Id": device_id, "Device-Token": token}
    async with connect(address_of(client), additional_headers=headers, max_size=None, close_timeout=1) as socket:
        yield Scanner(socket, generation)
