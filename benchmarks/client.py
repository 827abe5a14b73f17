"""The client that measures both systems: plain pyzmq sockets, requests encoded beforehand, replies not decoded."""

from __future__ import annotations

import json
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import zmq

PATIENCE_MS = 120_000
USER = {"user": "benchmark", "user_group": "primary"}
COUNT = {"item_type": "plan", "name": "count", "args": [["det1"]], "kwargs": {"num": 1}}
# Where a reply says how it went; what follows may be megabytes.
_HEAD_BYTES = 100


def encode(method: str, **params: Any) -> bytes:
    """Return a request."""
    return json.dumps({"method": method, "params": params}).encode()


ADD = encode("queue_item_add", item=COUNT, pos="back", **USER)
STATUS = encode("status")


class Client:
    """One client that waits for each answer."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], address: str) -> None:
        self._socket = context.socket(zmq.REQ)
        self._socket.set(zmq.LINGER, 0)
        self._socket.set(zmq.RCVTIMEO, PATIENCE_MS)
        self._socket.connect(address)

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Return the decoded reply.

        Raises:
            SystemExit: the request was refused.
        """
        reply = json.loads(self.ask_raw(encode(method, **params)))
        if reply.get("success") is False:
            raise SystemExit(f"{method} was refused, and the figures would mean nothing: {reply}")
        return reply

    def ask_raw(self, request: bytes) -> bytes:
        """Return the reply as it came."""
        self._socket.send(request)
        return self._socket.recv()

    def time(self, request: bytes) -> float:
        """Return how long an answer took, in seconds.

        Raises:
            SystemExit: the request was refused.
        """
        began = time.perf_counter()
        reply = self.ask_raw(request)
        taken = time.perf_counter() - began
        refuse_failure(reply)
        return taken

    def close(self) -> None:
        """Close it."""
        self._socket.close()


@contextmanager
def client_of(address: str) -> Generator[Client]:
    """Give a client, and close it afterwards."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    client = Client(context, address)
    try:
        yield client
    finally:
        client.close()
        context.term()


def refuse_failure(reply: bytes) -> None:
    """End the measurement if a reply says that nothing was done."""
    head = reply[:_HEAD_BYTES].replace(b" ", b"")
    if b'"success":false' in head:
        raise SystemExit(f"A request was refused, and the figures would mean nothing: {reply[:500]!r}")


@dataclass(frozen=True)
class Answered:
    """What a crowd got: answers per second, and the time of each in seconds."""

    per_second: float
    times_s: Sequence[float]

    @property
    def p99_ms(self) -> float:
        """The time that one of a hundred exceeds."""
        return sorted(self.times_s)[int(0.99 * (len(self.times_s) - 1))] * 1000


def measure_crowd(address: str, request: bytes, clients: int, seconds: float) -> Answered:
    """Let so many clients ask at once, each again as soon as it has its answer."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    poller = zmq.Poller()
    sockets: list[zmq.Socket[bytes]] = []
    try:
        for _ in range(clients):
            socket = context.socket(zmq.DEALER)
            socket.set(zmq.LINGER, 0)
            socket.connect(address)
            poller.register(socket, zmq.POLLIN)
            sockets.append(socket)
        return _let_ask(poller, sockets, [b"", request], seconds)
    finally:
        for socket in sockets:
            socket.close()
        context.term()


def _let_ask(poller: zmq.Poller, sockets: list[zmq.Socket[bytes]], frames: list[bytes], seconds: float) -> Answered:
    asked: dict[zmq.Socket[bytes], float] = {}
    times: list[float] = []
    for socket in sockets:
        socket.send_multipart(frames)
        asked[socket] = time.perf_counter()
    began = time.perf_counter()
    until = began + seconds
    while asked:
        ready = poller.poll(PATIENCE_MS)
        if not ready:
            raise SystemExit("A client of the crowd got no answer.")
        for socket, _ in ready:
            reply = socket.recv_multipart()[-1]
            now = time.perf_counter()
            refuse_failure(reply)
            times.append(now - asked.pop(socket))
            if now < until:
                socket.send_multipart(frames)
                asked[socket] = now
    return Answered(len(times) / (time.perf_counter() - began), times)
