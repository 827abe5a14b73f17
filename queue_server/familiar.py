"""What came before: short requests as they were read, and the last reply of each kind as it was encoded.

Whoever asks for the status again and again then costs neither reading nor encoding. It answers nothing itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from queue_server.protocol.codec import Encoding, encode
from queue_server.protocol.peer import Peer

LONGEST_BYTES = 256
MOST_REQUESTS = 64

T = TypeVar("T")


class FamiliarRequests(Generic[T]):
    """Requests of few bytes, by their bytes and by who sent them; when there are too many it begins anew."""

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[Peer, T]] = {}

    def find(self, frame: bytes, peer: Peer) -> T | None:
        """Return what was read from the same bytes of the same peer."""
        known = self._known.get(frame)
        if known is None:
            return None
        # The same bytes of another peer are another request.
        return known[1] if known[0] is peer or known[0] == peer else None

    def keep(self, frame: bytes, peer: Peer, read: T) -> None:
        """Keep what was read, unless it is long."""
        if len(frame) > LONGEST_BYTES:
            return
        if len(self._known) >= MOST_REQUESTS:
            self._known.clear()
        self._known[frame] = (peer, read)


class EncodedReplies:
    """The last value that was encoded in each encoding; values are never changed once they were given."""

    def __init__(self) -> None:
        self._last: dict[Encoding, tuple[Mapping[str, Any], bytes]] = {}

    def encode(self, value: Mapping[str, Any], encoding: Encoding) -> bytes:
        """Return the value as bytes."""
        last = self._last.get(encoding)
        if last is not None and last[0] is value:
            return last[1]
        encoded = encode(value, encoding)
        self._last[encoding] = (value, encoded)
        return encoded
