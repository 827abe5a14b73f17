"""Everything that the manager publishes, read once and handed to whoever listens in this process.

A listener that is slow loses its oldest notices and is told how many; it never slows anybody else down.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable

import zmq

from queue_server.client.edge import Reader
from queue_server.client.keys import CurveKeys
from queue_server.client.notices import TOPICS, Notice, check_topics, read_notice
from queue_server.client.sockets import connect_subscriber, shared_context

Listener = Callable[[Notice], None]


class NoticeFeed:
    """Subscribes to the notices of a manager; for one event loop."""

    def __init__(self, address: str, keys: CurveKeys | None = None) -> None:
        self._socket = shared_context().socket(zmq.SUB)
        connect_subscriber(self._socket, address, check_topics(TOPICS), keys)
        self._listeners: dict[int, tuple[tuple[str, ...], Listener]] = {}
        self._numbers = 0
        self._reader = Reader((self._socket, self._take))

    def listen(self, topics: Iterable[str], listener: Listener) -> Callable[[], None]:
        """Call ``listener`` with every notice of these topics, at once; return how to stop that."""
        self._numbers += 1
        number = self._numbers
        self._listeners[number] = (tuple(topics), listener)

        def stop() -> None:
            self._listeners.pop(number, None)

        return stop

    def subscribe(self, topics: Iterable[str], most: int) -> Subscription:
        """Return a buffer that holds at most ``most`` notices of these topics."""
        subscription = Subscription(most)
        subscription.release = self.listen(topics, subscription.put)
        return subscription

    async def close(self) -> None:
        """End the subscription to the manager."""
        self._reader.close()
        self._socket.close(linger=0)

    def _take(self, frames: list[bytes]) -> None:
        notice = read_notice(frames)
        if notice is None:
            return
        for topics, listener in list(self._listeners.values()):
            if notice.topic in topics:
                listener(notice)


class Subscription:
    """A bounded buffer of notices; iterate over it in one task, and close it."""

    def __init__(self, most: int) -> None:
        self._waiting: deque[Notice] = deque(maxlen=most)
        self._came = asyncio.Event()
        self._closed = False
        self.dropped = 0
        self.release: Callable[[], None] = lambda: None

    def put(self, notice: Notice) -> None:
        """Add a notice; when there is no room, the oldest one goes."""
        if len(self._waiting) == self._waiting.maxlen:
            self.dropped += 1
        self._waiting.append(notice)
        self._came.set()

    async def take(self) -> Notice | None:
        """Return the next notice; None once the subscription is closed."""
        while not self._waiting:
            if self._closed:
                return None
            self._came.clear()
            await self._came.wait()
        return self._waiting.popleft()

    def close(self) -> None:
        """Take no further notices and wake whoever waits."""
        self._closed = True
        self.release()
        self._came.set()
