"""A reader of the native stream over a WebSocket, and a manager's event log for the gateway to follow."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager, suppress

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

PATIENCE_S = 60


class Reader:
    """One WebSocket of a test; ``frames`` counts what has to be acknowledged."""

    def __init__(self, socket):
        self.socket = socket
        self.frames = 0

    async def next(self):
        """Return the next frame."""
        async with asyncio.timeout(PATIENCE_S):
            frame = json.loads(await self.socket.recv())
        self.frames += "op" not in frame
        return frame

    async def next_of(self, topic):
        """Return the next frame of a topic; others are passed over."""
        while (frame := await self.next()).get("topic") != topic:
            pass
        return frame

    async def say(self, **message):
        """Send a message."""
        await self.socket.send(json.dumps(message))

    async def subscribe(self, *topics, **message):
        """Subscribe, and return the first frame of each topic."""
        await self.say(op="sub", topics=list(topics), **message)
        return [await self.next() for _ in topics]

    async def settle(self):
        """Wait until the gateway has obeyed all messages; return what came meanwhile."""
        await self.say(op="ping")
        frames = []
        while (frame := await self.next()).get("op") != "pong":
            frames.append(frame)
        return frames

    async def closed(self):
        """Read to the end; return the close code."""
        with suppress(ConnectionClosed):
            while True:
                await self.next()
        return self.socket.close_code


@asynccontextmanager
async def reading(client, *, headers=None, query="", greeted=True):
    """Open a stream as the client of the test does, or with other headers."""
    given = {"Authorization": client.headers["Authorization"]} if headers is None else headers
    address = f"{str(client.base_url).rstrip('/').replace('http', 'ws', 1)}/v1/stream{query}"
    async with connect(address, additional_headers=given, compression=None, proxy=None, max_queue=None) as socket:
        reader = Reader(socket)
        if greeted:
            assert (await reader.next())["op"] == "hello"
        yield reader


class EventLog:
    """The event log behind an AnsweringManager: what is added, is published too unless it is to be lost."""

    def __init__(self, manager):
        self._manager = manager
        self.events = []
        self._told = 0
        self._tells = asyncio.Event()
        manager.answers["events_get"] = self._answer

    async def add(self, kind, *, lost=False, **data):
        """Append an event; return its number."""
        seq = len(self.events) + 1
        event = {"kind": kind, "time": float(seq), "seq": seq, "lane": "default", "item_uid": "", "submission": ""}
        event |= {"attempt": 0, "data": data}
        self.events.append({**event, "epoch": 1, "origin": {"user": "anna", "group": "primary"}})
        if not lost:
            await self._manager.publish("cuelight.event", {**event, "user": "anna"})
        return seq

    async def asked_up_to(self, seq):
        """Wait until somebody has been told an event."""
        async with asyncio.timeout(PATIENCE_S):
            while self._told < seq:
                self._tells.clear()
                await self._tells.wait()

    def _answer(self, params):
        since, limit = params.get("since", 0), params.get("limit", 100)
        self._told = max(self._told, min(since + limit, len(self.events)))
        self._tells.set()
        return {"success": True, "events": self.events[since : since + limit], "last_seq": len(self.events)}
