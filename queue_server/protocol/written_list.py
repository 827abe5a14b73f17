"""Lists whose entries stand as JSON already: replies in JSON take the text as it is, others what it says.

It knows nothing of what the entries describe, nor where the text comes from.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, overload

import orjson

from queue_server.protocol.codec import encode


class Piece(ABC):
    """Some entries of a list that stand side by side."""

    count: int
    """How many they are."""

    @abstractmethod
    def text(self) -> bytes:
        """Return them as JSON, with commas between them; may read a file."""
        ...

    def entries(self) -> list[dict[str, Any]]:
        """Return what the text says."""
        return orjson.loads(b"[" + self.text() + b"]")


class TextPiece(Piece):
    """Entries as text."""

    def __init__(self, count: int, text: bytes) -> None:
        self.count = count
        self._text = text

    def text(self) -> bytes:
        """Return the text."""
        return self._text


class ValuePiece(Piece):
    """Entries as values: for those with numbers that JSON text does not carry exactly."""

    def __init__(self, entries: list[dict[str, Any]]) -> None:
        self.count = len(entries)
        self._entries = entries

    def text(self) -> bytes:
        """Return the entries as any reply in JSON shows them."""
        # A map with one entry is the list behind its name.
        return encode({"": self._entries})[:-2].partition(b"[")[2]

    def entries(self) -> list[dict[str, Any]]:
        """Return the entries."""
        return self._entries


class WrittenList(Sequence[dict[str, Any]]):
    """A list of such pieces; whoever looks at single entries reads the text of all of them."""

    def __init__(self, pieces: Iterable[Piece] = ()) -> None:
        self.pieces = tuple(piece for piece in pieces if piece.count)

    def __len__(self) -> int:
        """Return how many entries it has."""
        return sum(piece.count for piece in self.pieces)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield the entries."""
        for piece in self.pieces:
            yield from piece.entries()

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> list[dict[str, Any]]: ...
    def __getitem__(self, index: int | slice) -> dict[str, Any] | list[dict[str, Any]]:
        """Return an entry, or several."""
        return list(self)[index]
