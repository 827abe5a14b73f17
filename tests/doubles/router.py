"""The manager's end of the worker link: a ROUTER socket that welcomes, acknowledges and remembers."""

from __future__ import annotations

import time
from typing import Any

import zmq

from queue_server.protocol.worker_link import (
    Acknowledge,
    Console,
    Execute,
    Hello,
    Telegram,
    Welcome,
    pack,
    read_from_worker,
)

PATIENCE_S = 60.0
TELEGRAMS = Telegram.__args__


class Router:
    """Answers hellos and reports as a manager does, unless told otherwise; every wait has a deadline."""

    def __init__(self, address, epoch=1, *, welcomes=True, acknowledges=True):
        self.epoch = epoch
        self.welcomes = welcomes
        self.acknowledges = acknowledges
        self.messages: list[Any] = []
        self.peer = b""
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.ROUTER_HANDOVER, 1)
        self._socket.bind(address)
        self.address = self._socket.getsockopt_string(zmq.LAST_ENDPOINT)

    def close(self):
        """Disappear, as a manager that was killed does."""
        self._socket.close()
        self._context.term()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, message):
        """Send a message to the worker that spoke last."""
        self._socket.send_multipart([self.peer, pack(message)])

    def send_frames(self, *frames):
        """Send frames as they are."""
        self._socket.send_multipart([self.peer, *frames])

    def execute(self, key, name, *args, **kwargs):
        """Order a plan."""
        content = {"item_type": "plan", "name": name, "args": list(args), "kwargs": kwargs}
        self.send(Execute(attempt=key, content={**content, "item_uid": key.item_uid}))

    def receive(self, timeout_s=PATIENCE_S) -> Any:
        """Return the next message, answered; None when none comes in time."""
        if not self._socket.poll(max(0, int(timeout_s * 1000))):
            return None
        self.peer, frame = self._socket.recv_multipart()
        message: Any = read_from_worker(frame)
        self.messages.append(message)
        if isinstance(message, Hello):
            if self.welcomes:
                self.send(Welcome(epoch=self.epoch))
        elif self.acknowledges and not isinstance(message, TELEGRAMS):
            self.send(Acknowledge(number=message.number))
        return message

    def wait_for(self, kind, condition=lambda message: True, timeout_s=PATIENCE_S) -> Any:
        """Return the next message of a kind that fulfils a condition."""
        deadline = time.monotonic() + timeout_s
        while (message := self.receive(deadline - time.monotonic())) is not None:
            if isinstance(message, kind) and condition(message):
                return message
        seen = [f"{message!r:.300}" for message in self.messages[-10:]]
        raise AssertionError(f"no {kind} in {timeout_s} s; the last messages:\n" + "\n".join(seen))

    def wait_for_console(self, words):
        """Wait until the console output so far contains some words."""
        while words not in (text := self.console):
            self.wait_for(Console)
        return text

    @property
    def console(self):
        """The console output so far."""
        return "".join(message.text for message in self.of(Console))

    def drain(self, duration_s) -> list[Any]:
        """Return everything that arrives within some time."""
        deadline = time.monotonic() + duration_s
        found = []
        while (message := self.receive(deadline - time.monotonic())) is not None:
            found.append(message)
        return found

    def of(self, *kinds) -> list[Any]:
        """Return the messages of some kinds received so far."""
        return [message for message in self.messages if isinstance(message, kinds)]
