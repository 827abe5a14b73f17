"""Clients of the fault tests, with a key if they need one: they ask, and measure how long answers take."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import zmq
from zmq.utils.monitor import recv_monitor_message

Reply = dict[str, Any]


@dataclass(frozen=True)
class Keys:
    """The key pair of a client, and the public key of the manager that it expects."""

    server: bytes
    public: bytes
    secret: bytes

    @classmethod
    def make(cls, server: bytes) -> Keys:
        """Return a new pair."""
        return cls(server, *zmq.curve_keypair())

    def put_on(self, socket: zmq.Socket[bytes]) -> None:
        """Encrypt a socket that is not connected yet."""
        socket.curve_serverkey, socket.curve_publickey, socket.curve_secretkey = self.server, self.public, self.secret


def connect(kind: int, address: str, keys: Keys | None = None, **options: int) -> zmq.Socket[bytes]:
    """Return a connected socket."""
    socket = zmq.Context.instance().socket(kind)
    socket.set(zmq.LINGER, 0)
    for name, value in options.items():
        socket.set(getattr(zmq, name), value)
    if keys is not None:
        keys.put_on(socket)
    socket.connect(address)
    return socket


class Asker:
    """A client with one connection."""

    def __init__(self, address: str, keys: Keys | None = None) -> None:
        self.socket = connect(zmq.DEALER, address, keys)
        self.monitor = self.socket.get_monitor_socket(zmq.EVENT_DISCONNECTED | zmq.EVENT_HANDSHAKE_SUCCEEDED)

    def close(self) -> None:
        """Close the connection."""
        self.socket.disable_monitor()
        self.monitor.close(0)
        self.socket.close(0)

    def post(self, method: str, **params: Any) -> None:
        """Send a request."""
        self.socket.send(json.dumps({"method": method, "params": params}).encode())

    def receive(self, seconds: float = 10.0) -> Reply | None:
        """Return the next reply, or None if none comes in time."""
        if not self.socket.poll(int(seconds * 1000)):
            return None
        return json.loads(self.socket.recv())

    def ask(self, method: str, seconds: float = 10.0, **params: Any) -> Reply | None:
        """Return the reply to a request."""
        self.post(method, **params)
        return self.receive(seconds)

    def must(self, method: str, seconds: float = 60.0, **params: Any) -> Reply:
        """Return the reply to a request that must be answered."""
        reply = self.ask(method, seconds, **params)
        assert reply is not None, f"{method} was not answered within {seconds:g} s"
        return reply

    def wait_until_cut(self, seconds: float) -> float:
        """Return after how many seconds the connection was lost."""
        begin = time.monotonic()
        while (left := begin + seconds - time.monotonic()) > 0:
            if not self.monitor.poll(int(left * 1000)):
                break
            if recv_monitor_message(self.monitor)["event"] == zmq.EVENT_DISCONNECTED:
                return time.monotonic() - begin
        raise TimeoutError(f"the connection stands after {seconds:g} s")


@contextmanager
def asking(address: str, keys: Keys | None = None) -> Iterator[Asker]:
    """Connect an asker for a while."""
    asker = Asker(address, keys)
    try:
        yield asker
    finally:
        asker.close()


def measure_status(asker: Asker, seconds: float, pause_s: float = 0.005) -> list[float]:
    """Ask for the status for so long, one request after the other; return how long each took, in seconds."""
    times: list[float] = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        begin = time.perf_counter()
        reply = asker.must("status", 30)
        times.append(time.perf_counter() - begin)
        assert "manager_state" in reply, reply
        time.sleep(pause_s)
    return times


def p99(times: list[float]) -> float:
    """Return the time that 99 of 100 stay below, in milliseconds."""
    return sorted(times)[max(0, math.ceil(len(times) * 0.99) - 1)] * 1000
