"""Sockets of the other side, with a deadline for every wait."""

from __future__ import annotations

import asyncio

import zmq
import zmq.asyncio

PATIENCE_S = 60


class Peer:
    """A socket whose waits all have a deadline."""

    def __init__(self, socket):
        self.socket = socket

    async def send(self, *frames):
        """Send a message of these frames."""
        async with asyncio.timeout(PATIENCE_S):
            await self.socket.send_multipart(list(frames))

    async def receive(self):
        """Return the frames of the next message."""
        async with asyncio.timeout(PATIENCE_S):
            return await self.socket.recv_multipart()

    async def ask(self, *frames):
        """Send a message and return the frames of the answer."""
        await self.send(*frames)
        return await self.receive()

    async def lose_connection(self, *frames):
        """Send a message and wait until the connection is lost because of it."""
        monitor = self.socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        try:
            await self.send(*frames)
            async with asyncio.timeout(PATIENCE_S):
                await monitor.recv_multipart()
        finally:
            self.socket.disable_monitor()
            monitor.close(0)

    def close(self):
        """Disappear."""
        self.socket.close(0)


class Peers:
    """Makes peers that are connected to one address."""

    def __init__(self, address):
        self._address = address
        self._context = zmq.asyncio.Context()
        self._made = []

    def __call__(self, kind=zmq.DEALER, **options):
        """Connect a socket of a kind with these options."""
        socket = self._context.socket(kind)
        for name, value in options.items():
            socket.setsockopt(getattr(zmq, name), value)
        socket.connect(self._address)
        self._made.append(Peer(socket))
        return self._made[-1]

    def close(self):
        """Close all of them."""
        for peer in self._made:
            peer.close()
        self._context.term()
