"""The worker link: a ROUTER that speaks with workers, numbers what they report, and acknowledges after the commit."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import Protocol

import zmq

from queue_server.failpoints import declare, failpoint
from queue_server.protocol.codec import WORKER_BOUNDS
from queue_server.protocol.errors import EnvelopeError
from queue_server.protocol.worker_link import (
    VERSION,
    Acknowledge,
    Console,
    Dismiss,
    Heartbeat,
    Hello,
    Metadata,
    Progress,
    Report,
    ToWorker,
    pack,
    read_from_worker,
)
from queue_server.transport.stream import Frames, Stream, bind, make_socket

_log = logging.getLogger(__name__)

declare("link.before_send", "link.before_acknowledge")


class LinkListener(Protocol):
    """Whoever acts on what workers say."""

    def hear_hello(self, hello: Hello) -> None:
        """A worker has connected."""
        ...

    def hear_report(self, lane: str, incarnation: str, report: Report) -> None:
        """A numbered report has arrived, in order and for the first time on this connection."""
        ...

    def hear_heartbeat(self, lane: str, incarnation: str, heartbeat: Heartbeat) -> None:
        """A worker is alive."""
        ...

    def hear_console(self, console: Console) -> None:
        """A worker has printed something."""
        ...

    def hear_metadata(self, lane: str, incarnation: str, metadata: Metadata) -> None:
        """The RunEngine of a worker has other metadata than before."""
        ...

    def hear_progress(self, progress: Progress) -> None:
        """A plan has advanced."""
        ...


@dataclass(frozen=True, slots=True)
class _Peer:
    lane: str
    incarnation: str
    expected: int


class WorkerLinkSocket:
    """Binds the link address; one peer for each connected worker."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], address: str, listener: LinkListener) -> None:
        self._socket = make_socket(context, zmq.ROUTER, most_bytes=WORKER_BOUNDS.size_bytes)
        # A worker that reconnects before its old connection is given up keeps its identity.
        self._socket.set(zmq.ROUTER_HANDOVER, 1)
        self.address = bind(self._socket, address)
        self._listener = listener
        self._peers: dict[bytes, _Peer] = {}
        self.malformed = 0
        self._stream = Stream(self._socket, self._take)

    def send(self, incarnation: str, message: ToWorker) -> None:
        """Send to a worker; without a connection it is dropped, for the next hello asks for it again."""
        for identity, peer in self._peers.items():
            if peer.incarnation == incarnation:
                if not failpoint("link.before_send"):
                    self._stream.send([identity, pack(message)])
                return

    def acknowledge(self, incarnation: str, number: int) -> None:
        """Tell a worker that its reports up to ``number`` are committed."""
        failpoint("link.before_acknowledge")
        self.send(incarnation, Acknowledge(number=number))

    def forget(self, incarnation: str) -> None:
        """Drop what is known of a worker that is gone."""
        self._peers = {name: peer for name, peer in self._peers.items() if peer.incarnation != incarnation}

    def close(self) -> None:
        """Stop listening; workers go on and will say hello to the next manager."""
        self._stream.close(100)

    def _take(self, frames: Frames) -> None:
        identity = frames[0]
        try:
            if len(frames) != 2:
                raise EnvelopeError(f"a message of the worker link is one frame, not {len(frames) - 1}")
            message = read_from_worker(frames[1])
        except EnvelopeError as error:
            self.malformed += 1
            _log.warning("A message on the worker link was dropped: %s", error)
            return
        if isinstance(message, Hello):
            self._take_hello(identity, message)
            return
        peer = self._peers.get(identity)
        if peer is None:
            _log.info("A message on the worker link came before a hello and was dropped")
        elif isinstance(message, (Heartbeat, Console, Metadata, Progress)):
            self._take_telegram(peer, message)
        else:
            self._take_report(identity, peer, message)

    def _take_telegram(self, peer: _Peer, message: Heartbeat | Console | Metadata | Progress) -> None:
        if isinstance(message, Heartbeat):
            self._listener.hear_heartbeat(peer.lane, peer.incarnation, message)
        elif isinstance(message, Metadata):
            self._listener.hear_metadata(peer.lane, peer.incarnation, message)
        elif isinstance(message, Console):
            self._listener.hear_console(message)
        else:
            self._listener.hear_progress(message)

    def _take_hello(self, identity: bytes, hello: Hello) -> None:
        if hello.version != VERSION:
            reason = f"the worker speaks version {hello.version} of the link, the manager {VERSION}"
            self._stream.send([identity, pack(Dismiss(reason=reason))])
            return
        # Whatever this worker was known as before is a connection that it has given up.
        self.forget(hello.incarnation)
        self._peers[identity] = _Peer(hello.lane, hello.incarnation, hello.next_report)
        self._listener.hear_hello(hello)

    def _take_report(self, identity: bytes, peer: _Peer, report: Report) -> None:
        if report.number != peer.expected:
            # After a hello the worker sends its whole outbox again, so nothing is lost by dropping what came early
            # or twice.
            _log.info("Report %d of lane %s dropped: %d is expected", report.number, peer.lane, peer.expected)
            return
        self._peers[identity] = replace(peer, expected=peer.expected + 1)
        self._listener.hear_report(peer.lane, peer.incarnation, report)
