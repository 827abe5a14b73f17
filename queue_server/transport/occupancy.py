"""How much waits for its reply: requests and their bytes, in all and for each connection. Answers nothing itself."""

from __future__ import annotations

from queue_server.protocol.limits import Limits

_NOTHING = (0, 0)


class Occupancy:
    """Counts requests in and out, and says whether there is room for another one."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        # Requests and their bytes, by connection; an idle one has no entry.
        self._waiting: dict[bytes, tuple[int, int]] = {}
        self._all_bytes = 0
        self.total = 0

    def has_room(self, peer: bytes, size_bytes: int) -> bool:
        """Whether a request may be taken; by its bytes alone none is refused where nothing else waits."""
        limits = self._limits
        requests, waiting = self._waiting.get(peer, _NOTHING)
        if self.total >= limits.max_requests or requests >= limits.max_requests_per_client:
            return False
        if waiting and waiting + size_bytes > limits.max_request_bytes_per_client:
            return False
        return not self._all_bytes or self._all_bytes + size_bytes <= limits.max_request_bytes

    def enter(self, peer: bytes, size_bytes: int) -> None:
        """A request begins to wait."""
        self._change(peer, 1, size_bytes)

    def leave(self, peer: bytes, size_bytes: int) -> None:
        """It was answered."""
        self._change(peer, -1, -size_bytes)

    def _change(self, peer: bytes, requests: int, size_bytes: int) -> None:
        self.total += requests
        self._all_bytes += size_bytes
        were, waited = self._waiting.get(peer, _NOTHING)
        if were + requests > 0:
            self._waiting[peer] = (were + requests, waited + size_bytes)
        else:
            self._waiting.pop(peer, None)
