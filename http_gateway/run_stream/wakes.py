"""What workers publish, as a sign that there are new documents; heard only while somebody follows a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import zmq

from queue_server.client.edge import Reader
from queue_server.client.keys import CurveKeys
from queue_server.client.sockets import connect_subscriber, shared_context
from queue_server.protocol.documents import MARK, DocumentHeader, read_content, read_header
from queue_server.protocol.errors import EnvelopeError

Hear = Callable[[DocumentHeader, "dict[str, object] | None"], None]


class DocumentWakes:
    """Calls ``hear`` with each header, and with the content that came with it; for one event loop."""

    def __init__(self, address: str, keys: CurveKeys | None, hear: Hear) -> None:
        """Connect.

        Raises:
            CommunicationError: the address cannot be used.
        """
        self._hear = hear
        self._socket = shared_context().socket(zmq.SUB)
        connect_subscriber(self._socket, address, [b""], keys)
        self._reader = Reader((self._socket, self._take))

    def close(self) -> None:
        """Hear nothing more."""
        self._reader.close()
        self._socket.close(linger=0)

    def _take(self, frames: Sequence[bytes]) -> None:
        try:
            header = read_header(frames)
            content = None if header.name == MARK or header.omitted else read_content(frames)
        except EnvelopeError:
            return
        self._hear(header, content)
