"""A list that is found when it is first needed and encoded once for each encoding; any thread may use it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from threading import Lock
from typing import Any

from queue_server.protocol.codec import Encoding
from queue_server.protocol.listing import Listing, encode_entries


class KeptListing(Listing):
    """The map that ``find`` returns, which must always be the same."""

    def __init__(self, find: Callable[[], Mapping[str, Any]]) -> None:
        self._find = find
        self._bytes: dict[Encoding, bytes] = {}
        self._lock = Lock()

    def __getitem__(self, name: str) -> Any:
        return self._find()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._find())

    def __len__(self) -> int:
        return len(self._find())

    def encoded(self, encoding: Encoding) -> bytes:
        """Return the map as bytes; the first call for an encoding may take long, and others wait for it.

        Raises:
            TypeError: an entry is of a type that the encoding does not know.
        """
        # Many clients ask at the same moment, when the list has changed; one piece of work serves them all.
        with self._lock:
            known = self._bytes.get(encoding)
            if known is None:
                known = self._bytes[encoding] = encode_entries(self._find(), encoding)
        return known
