"""The documents socket: what workers publish goes to whoever subscribes, without touching the event loop.

A thread that stays inside ZeroMQ forwards; no document is decoded or held here. A subscriber that does not read loses
documents once as many wait for it as may, and can tell by their numbers; nobody else notices.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from typing import Protocol

import zmq
from msgspec import Struct
from zmq.utils.monitor import parse_monitor_message

from queue_server.config import Settings, is_local
from queue_server.protocol.documents import MOST_PUBLISHED_BYTES
from queue_server.protocol.errors import ParameterError
from queue_server.protocol.limits import DEFAULT_LIMITS, Limits
from queue_server.transport.connections import Connections
from queue_server.transport.curve import Gate
from queue_server.transport.stream import Frames, Stream, bind, make_socket

_log = logging.getLogger(__name__)

# What a published document has beside its content.
_HEADER_BYTES = 8 * 1024
# Subscribers send nothing but topics.
_MOST_TOPIC_BYTES = 4096
_END_WITHIN_S = 5.0

Context = zmq.Context["zmq.Socket[bytes]"]


class Seal(Protocol):
    """Protects a socket whose messages nobody here sees."""

    def protect(self, socket: zmq.Socket[bytes]) -> None:
        """Encrypt a socket that is not bound yet."""
        ...

    def cut_by(self, connections: Connections) -> None:
        """Learn which connections to cut when one of those that were admitted no longer is."""
        ...


class Door(Struct, frozen=True):
    """Where a socket is bound; without a seal the address is protected by other means."""

    address: str
    seal: Seal | None = None


class DocumentsSocket:
    """Takes documents at the doors of workers, and publishes them at one for subscribers; for one event loop."""

    def __init__(
        self, context: Context, subscribers: Door, workers: Iterable[Door], limits: Limits = DEFAULT_LIMITS
    ) -> None:
        """Bind, and begin to forward.

        Raises:
            OSError: an address is in use or cannot be bound; the message names it.
        """
        self._watches: list[_Watch] = []
        self._outer = make_socket(
            context, zmq.XPUB, most_bytes=_MOST_TOPIC_BYTES, most_waiting=limits.max_messages_waiting
        )
        self._inner = make_socket(
            context,
            zmq.XSUB,
            most_bytes=MOST_PUBLISHED_BYTES + _HEADER_BYTES,
            most_waiting=limits.max_messages_waiting,
        )
        try:
            self.address = self._open(self._outer, subscribers)
            # What is not protected comes first: a seal holds for whatever is bound after it.
            for door in sorted(workers, key=lambda door: door.seal is not None):
                self._open(self._inner, door)
        except OSError:
            self._close_sockets()
            raise
        self._orders, self._far_end = _make_pair(context)
        self._thread = threading.Thread(target=self._forward, name="documents", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop forwarding."""
        for watch in self._watches:
            watch.close()
        if self._thread.is_alive():
            self._orders.send(b"TERMINATE")
            self._thread.join(_END_WITHIN_S)
        self._orders.close(0)

    def _open(self, socket: zmq.Socket[bytes], door: Door) -> str:
        if door.seal is not None:
            self._watches.append(_Watch(socket, door.seal))
            door.seal.protect(socket)
        return bind(socket, door.address)

    def _forward(self) -> None:
        try:
            zmq.proxy_steerable(self._inner, self._outer, None, self._far_end)
        except zmq.ContextTerminated:
            _log.debug("The documents socket ends with its context")
        finally:
            self._far_end.close(0)
            self._close_sockets()

    def _close_sockets(self) -> None:
        self._inner.close(0)
        self._outer.close(0)


def open_documents(context: Context, settings: Settings, gate: Gate | None, near: str) -> DocumentsSocket:
    """Return the documents socket of the settings; ``near`` is the address at which workers of this host publish.

    Raises:
        ParameterError: workers on other hosts could not be told from anybody else.
        OSError: an address cannot be bound.
    """
    is_plain = settings.plain_notices or is_local(settings.documents)
    subscribers = Door(settings.documents, None if gate is None or is_plain else gate.admit_subscribers())
    workers = [Door(near)]
    far = settings.worker_documents
    if far is not None and gate is not None and gate.knows_workers:
        workers.append(Door(far, gate.admit_publishers()))
    elif far is not None and not is_local(far):
        raise ParameterError(
            "'worker_documents': other hosts reach this address, which also needs the settings curve_secret_key_file "
            "and curve_workers_file.",
            field="worker_documents",
        )
    elif far is not None:
        workers.append(Door(far))
    return DocumentsSocket(context, subscribers, workers, settings)


class _Watch:
    """Keeps in mind the connections of a sealed socket."""

    def __init__(self, socket: zmq.Socket[bytes], seal: Seal) -> None:
        self._connections = Connections()
        # The only event that tells the file descriptor; who is refused is gone again soon.
        monitor = socket.get_monitor_socket(zmq.EVENT_ACCEPTED)
        self._stream = Stream(monitor, self._take)
        seal.cut_by(self._connections)

    def close(self) -> None:
        """Forget them."""
        self._stream.close(0)

    def _take(self, frames: Frames) -> None:
        self._connections.note(int(parse_monitor_message(frames)["value"]), b"")


def _make_pair(context: Context) -> tuple[zmq.Socket[bytes], zmq.Socket[bytes]]:
    near, far = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
    name = f"inproc://documents-{id(near)}"
    near.bind(name)
    far.connect(name)
    return near, far
