"""How much waits for its reply: requests and their bytes, in all and for each connection. Answers nothing itself."""

from __future__ import annotations

from collections import Counter

from queue_server.protocol.limits import Limits


class Occupancy:
    """Counts requests in and out, and says whether there is room for another one."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._requests: Counter[bytes] = Counter()
        self._bytes: Counter[bytes] = Counter()
        self._all_bytes = 0
        self.total = 0

    def has_room(self, peer: bytes, size_bytes: int) -> bool:
        """Whether a request may be taken; by its bytes alone none is refused where nothing else waits."""
        limits = self._limits
        if self.total >= limits.max_requests or self._requests[peer] >= limits.max_requests_per_client:
            return False
        waiting = self._bytes[peer]
        if waiting and waiting + size_bytes > limits.max_request_bytes_per_client:
            return False
        return not self._all_bytes or self._all_bytes + size_bytes <= limits.max_request_bytes

    def enter(self, peer: bytes, size_bytes: int) -> None:
        """A request begins to wait."""
        self.total += 1
        self._all_bytes += size_bytes
        self._requests[peer] += 1
        self._bytes[peer] += size_bytes

    def leave(self, peer: bytes, size_bytes: int) -> None:
        """It was answered."""
        self.total -= 1
        self._all_bytes -= size_bytes
        self._requests[peer] -= 1
        self._bytes[peer] -= size_bytes
        if self._requests[peer] <= 0:
            del self._requests[peer], self._bytes[peer]
