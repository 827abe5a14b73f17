"""The worker link: a ROUTER that speaks with workers, numbers what they report, and acknowledges after the commit."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

import zmq
from msgspec import Struct, field
from msgspec.structs import replace

from queue_server.failpoints import declare, failpoint
from queue_server.logs import Complaints
from queue_server.protocol.codec import WORKER_BOUNDS, Bounds
from queue_server.protocol.device_link import DeviceReading
from queue_server.protocol.errors import EnvelopeError
from queue_server.protocol.launcher_link import LaneStanding, ToLauncher, pack_order
from queue_server.protocol.unreadable_report import LONGEST_REASON, UnreadableReport, recognise_report
from queue_server.protocol.worker_link import (
    VERSION,
    Acknowledge,
    CatalogPage,
    Console,
    Dismiss,
    EnvironmentFailed,
    EnvironmentOpened,
    EnvironmentUpdated,
    Heartbeat,
    Hello,
    Metadata,
    Progress,
    Report,
    StopReport,
    ToWorker,
    pack,
    read_from_worker,
)
from queue_server.transport.stream import Frames, Guard, Stream, bind, make_socket

_log = logging.getLogger(__name__)

Telegram = Heartbeat | Console | Metadata | Progress | StopReport | DeviceReading

# Messages of one worker that have come and are not looked at yet: few, because each may be large, but more than the
# last words of a worker that ends. What is behind them is lost with a connection over ipc.
MOST_UNREAD = 8

# Of the lists of one worker, in all pages since the last complete ones: far more than the largest beamline has.
MOST_PAGE_BYTES = 64 * 1024 * 1024

_COMPLETE = (EnvironmentOpened, EnvironmentUpdated, EnvironmentFailed)

declare("link.before_send", "link.before_acknowledge")


class LinkListener(Protocol):
    """Whoever acts on what workers say."""

    def hear_hello(self, hello: Hello) -> None:
        """A worker has connected."""
        ...

    def has_room(self, incarnation: str, size_bytes: int) -> bool:
        """Whether a report of that size may be handed over."""
        ...

    def hear_report(self, lane: str, incarnation: str, report: Report, size_bytes: int) -> None:
        """A numbered report has arrived, in order and for the first time on this connection."""
        ...

    def hear_unreadable(self, lane: str, incarnation: str, report: UnreadableReport, size_bytes: int) -> None:
        """A numbered report has arrived, in order and for the first time, that cannot be read."""
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

    def hear_stop_report(self, lane: str, incarnation: str, report: StopReport) -> None:
        """A worker tells what an emergency stop has reached."""
        ...

    def hear_reading(self, lane: str, incarnation: str, reading: DeviceReading) -> None:
        """A worker tells what it has read of a device, or why it has not."""
        ...

    def hear_progress(self, lane: str, incarnation: str, progress: Progress) -> None:
        """A plan has advanced, if the worker tells the truth."""
        ...


class _Peer(Struct, frozen=True):
    lane: str
    incarnation: str
    pid: int
    expected: int


class _Launchers(Struct):
    """Those on other hosts, by lane, and who is told how their lanes stand."""

    hear: Callable[[LaneStanding], None]
    identities: dict[str, bytes] = field(default_factory=dict[str, bytes])


class WorkerLinkSocket:
    """Binds the link address; one peer for each connected worker."""

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        address: str,
        listener: LinkListener,
        guard: Guard | None = None,
        bounds: Bounds = WORKER_BOUNDS,
    ) -> None:
        self._bounds = bounds
        self._socket = make_socket(context, zmq.ROUTER, most_bytes=bounds.size_bytes)
        # What is not read yet waits here as messages of any size, and behind them in the worker.
        self._socket.set(zmq.RCVHWM, MOST_UNREAD)
        # A worker that reconnects before its old connection is given up keeps its identity.
        self._socket.set(zmq.ROUTER_HANDOVER, 1)
        self.address = bind(self._socket, address, guard)
        self._listener = listener
        self._peers: dict[bytes, _Peer] = {}
        self._page_bytes: dict[str, int] = {}
        self._launchers = _Launchers(self._pass_over)
        self._complaints = Complaints(_log)
        self.malformed = 0
        self._stream = Stream(self._socket, self._take, guard)

    def send(self, incarnation: str, message: ToWorker) -> None:
        """Send to a worker; without a connection it is dropped, for the next hello asks for it again."""
        identity = self._find(incarnation)
        if identity is not None and not failpoint("link.before_send"):
            self._stream.send([identity, pack(message)])
        if isinstance(message, Dismiss):
            # Whatever it says from now on concerns nobody.
            self.forget(incarnation)

    def attach(self, hear_standing: Callable[[LaneStanding], None]) -> None:
        """Tell who is told how the lanes of launchers on other hosts stand."""
        self._launchers.hear = hear_standing

    def send_to_launcher(self, lane: str, order: ToLauncher) -> None:
        """Send to the launcher of a lane; without a connection it is dropped, and asked for again."""
        identity = self._launchers.identities.get(lane)
        if identity is not None:
            self._stream.send([identity, pack_order(order)])

    def acknowledge(self, incarnation: str, number: int) -> None:
        """Tell a worker that its reports up to ``number`` are committed."""
        failpoint("link.before_acknowledge")
        self.send(incarnation, Acknowledge(number=number))

    def forget(self, incarnation: str) -> None:
        """Drop what is known of a worker that is gone."""
        self._page_bytes.pop(incarnation, None)
        self._drop_connection(incarnation)

    def _drop_connection(self, incarnation: str) -> None:
        self._peers = {name: peer for name, peer in self._peers.items() if peer.incarnation != incarnation}

    @property
    def peers(self) -> int:
        """How many workers are known."""
        return len(self._peers)

    def close(self) -> None:
        """Stop listening; workers go on and will say hello to the next manager."""
        self._stream.close(100)

    def _pass_over(self, standing: LaneStanding) -> None:
        self._complaints.tell("No lane has a launcher on another host; one for the lane %s was heard", standing.lane)

    def _find(self, incarnation: str) -> bytes | None:
        return next((identity for identity, peer in self._peers.items() if peer.incarnation == incarnation), None)

    def _take(self, frames: Frames) -> None:
        identity = frames[0]
        try:
            if len(frames) != 2:
                raise EnvelopeError(f"a message of the worker link is one frame, not {len(frames) - 1}")
            message = read_from_worker(frames[1], self._bounds)
        except EnvelopeError as error:
            self.malformed += 1
            self._take_malformed(frames, str(error))
            return
        if isinstance(message, Hello):
            self._take_hello(identity, message)
            return
        if isinstance(message, LaneStanding):
            self._launchers.identities[message.lane] = identity
            self._launchers.hear(message)
            return
        peer = self._peers.get(identity)
        if peer is None:
            self._complaints.tell("A message on the worker link came before a hello and was dropped")
        elif isinstance(message, Telegram):
            self._take_telegram(peer, message)
        else:
            self._take_report(identity, peer, message, len(frames[1]))

    def _take_malformed(self, frames: Frames, reason: str) -> None:
        peer = self._peers.get(frames[0])
        report = recognise_report(frames[1], reason) if len(frames) == 2 and peer is not None else None
        if peer is None or report is None:
            self._complaints.tell("A message on the worker link was dropped: %.*s", LONGEST_REASON, reason)
        elif self._is_next(frames[0], peer, report.number, len(frames[1])):
            # Dropped, it would be waited for, and with it all that the worker has to tell.
            self._listener.hear_unreadable(peer.lane, peer.incarnation, report, len(frames[1]))

    def _take_telegram(self, peer: _Peer, message: Telegram) -> None:
        if isinstance(message, Heartbeat):
            self._listener.hear_heartbeat(peer.lane, peer.incarnation, message)
        elif isinstance(message, Metadata):
            self._listener.hear_metadata(peer.lane, peer.incarnation, message)
        elif isinstance(message, Console):
            self._listener.hear_console(message)
        elif isinstance(message, StopReport):
            self._listener.hear_stop_report(peer.lane, peer.incarnation, message)
        elif isinstance(message, DeviceReading):
            self._listener.hear_reading(peer.lane, peer.incarnation, message)
        elif isinstance(message, Progress):
            self._listener.hear_progress(peer.lane, peer.incarnation, message)

    def _take_hello(self, identity: bytes, hello: Hello) -> None:
        if hello.version != VERSION:
            reason = f"the worker speaks version {hello.version} of the link, the manager {VERSION}"
            self._stream.send([identity, pack(Dismiss(reason=reason))])
            return
        known = self._find(hello.incarnation)
        serving = None if known is None else self._peers[known]
        if serving is not None and (serving.pid, serving.lane) != (hello.pid, hello.lane):
            # Two would carry out the same orders. The first one stays until its end is seen.
            self._complaints.tell(
                "Process %d is no worker of lane %s: process %d serves lane %s under the same incarnation",
                hello.pid,
                hello.lane,
                serving.pid,
                serving.lane,
            )
            reason = f"process {serving.pid} serves the lane {serving.lane!r} under this incarnation"
            self._stream.send([identity, pack(Dismiss(reason=reason))])
            return
        # Whatever this worker was known as before is a connection that it has given up.
        self._drop_connection(hello.incarnation)
        self._peers[identity] = _Peer(hello.lane, hello.incarnation, hello.pid, hello.next_report)
        self._listener.hear_hello(hello)

    def _take_report(self, identity: bytes, peer: _Peer, report: Report, size_bytes: int) -> None:
        if isinstance(report, CatalogPage) and not self._has_room_for_page(peer, size_bytes):
            return
        if not self._is_next(identity, peer, report.number, size_bytes):
            return
        if isinstance(report, CatalogPage):
            self._page_bytes[peer.incarnation] = self._page_bytes.get(peer.incarnation, 0) + size_bytes
        elif isinstance(report, _COMPLETE):
            self._page_bytes.pop(peer.incarnation, None)
        self._listener.hear_report(peer.lane, peer.incarnation, report, size_bytes)

    def _has_room_for_page(self, peer: _Peer, size_bytes: int) -> bool:
        if self._page_bytes.get(peer.incarnation, 0) + size_bytes <= MOST_PAGE_BYTES:
            return True
        self._complaints.tell(
            "The lists of lane %s are larger than %d bytes and are dropped", peer.lane, MOST_PAGE_BYTES
        )
        return False

    def _is_next(self, identity: bytes, peer: _Peer, number: int, size_bytes: int) -> bool:
        if number != peer.expected:
            # After a hello the worker sends its whole outbox again, so nothing is lost by dropping what came early
            # or twice.
            self._complaints.tell("Report %d of lane %s dropped: %d is expected", number, peer.lane, peer.expected)
            return False
        if not self._listener.has_room(peer.incarnation, size_bytes):
            # A worker in order waits for acknowledgements long before.
            self._complaints.tell("Report %d of lane %s dropped: too many wait for their commit", number, peer.lane)
            return False
        self._peers[identity] = replace(peer, expected=peer.expected + 1)
        return True
