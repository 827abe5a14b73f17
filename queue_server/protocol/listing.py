"""Maps that may have very many entries: encoded piece by piece, and spliced into replies as bytes.

An encoder holds Python's global lock for as long as it runs, so one large value in one piece would hold up every other
thread. It knows nothing of what the entries describe.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from itertools import islice
from typing import Any

from queue_server.protocol.codec import Encoding, encode
from queue_server.protocol.written_list import WrittenList

PIECE_ENTRIES = 100
"""Entries that are encoded in one piece: about 30 kB, a fraction of a millisecond."""


class Listing(Mapping[str, Any]):
    """A map that keeps itself as bytes."""

    @abstractmethod
    def encoded(self, encoding: Encoding) -> bytes:
        """Return the map as bytes, as ``encode_entries`` makes them; may take long for the first time.

        Raises:
            TypeError: an entry is of a type that the encoding does not know.
        """
        ...


class Roll(list[dict[str, Any]]):
    """A list that may have very many entries: it is encoded piece by piece, wherever it is encoded."""

    def encoded(self, encoding: Encoding) -> bytes:
        """Return the list as the bytes that ``encode`` would make of it.

        Raises:
            TypeError: an entry is of a type that the encoding does not know.
        """
        # A map with one entry is the list behind its header and its name.
        pieces = [encode({"": self[at : at + PIECE_ENTRIES]}, encoding) for at in range(0, len(self), PIECE_ENTRIES)]
        if encoding == "json":
            return b"[" + b",".join(piece[5:-2] for piece in pieces) + b"]"
        bodies = (
            piece[2 + len(_list_header(min(PIECE_ENTRIES, len(self) - number * PIECE_ENTRIES))) :]
            for number, piece in enumerate(pieces)
        )
        return b"".join((_list_header(len(self)), *bodies))


def encode_entries(entries: Mapping[str, Any], encoding: Encoding) -> bytes:
    """Return a map as the bytes that ``encode`` makes of it, made piece by piece.

    Raises:
        TypeError: an entry is of a type that the encoding does not know.
    """
    pairs = iter(entries.items())
    pieces: list[bytes] = []
    while piece := dict(islice(pairs, PIECE_ENTRIES)):
        whole = encode(piece, encoding)
        pieces.append(whole[1:-1] if encoding == "json" else whole[len(_map_header(len(piece))) :])
    if encoding == "json":
        return b"{" + b",".join(pieces) + b"}"
    return b"".join((_map_header(len(entries)), *pieces))


def is_long(value: object) -> bool:
    """Whether a field of a reply is a list that is to be encoded in a thread."""
    return isinstance(value, (Roll, WrittenList)) and len(value) > PIECE_ENTRIES


def encode_reply(reply: Mapping[str, Any], encoding: Encoding) -> bytes:
    """Return a reply as bytes; fields that are listings come last, as bytes that are made only once.

    Raises:
        TypeError: a value is of a type that the encoding does not know.
    """
    large = {name: value for name, value in reply.items() if isinstance(value, (Listing, Roll, WrittenList))}
    if not large:
        return encode(reply, encoding)
    small = {name: value for name, value in reply.items() if name not in large}
    # The map {name: null} without its braces and its null is the name. All is joined once, for it may be megabytes.
    if encoding == "json":
        parts = [b"{", encode(small)[1:-1], b","] if small else [b"{"]
        for name, value in large.items():
            parts += [encode({name: None})[1:-5], *_parts(value, "json"), b","]
        return b"".join((*parts[:-1], b"}"))
    parts = [_map_header(len(reply)), encode(small, "msgpack")[len(_map_header(len(small))) :]]
    for name, value in large.items():
        parts += [encode({name: None}, "msgpack")[1:-1], *_parts(value, "msgpack")]
    return b"".join(parts)


def _parts(value: Listing | Roll | WrittenList, encoding: Encoding) -> list[bytes]:
    if not isinstance(value, WrittenList):
        return [value.encoded(encoding)]
    if encoding == "json":
        texts = [part for piece in value.pieces for part in (b",", piece.text())]
        return [b"[", *texts[1:], b"]"]
    rolls = (Roll(piece.entries()) for piece in value.pieces)
    return [_list_header(len(value)), *(roll.encoded("msgpack")[len(_list_header(len(roll))) :] for roll in rolls)]


def _map_header(entries: int) -> bytes:
    if entries < 16:
        return bytes((0x80 | entries,))
    return b"\xde" + entries.to_bytes(2) if entries < 1 << 16 else b"\xdf" + entries.to_bytes(4)


def _list_header(entries: int) -> bytes:
    if entries < 16:
        return bytes((0x90 | entries,))
    return b"\xdc" + entries.to_bytes(2) if entries < 1 << 16 else b"\xdd" + entries.to_bytes(4)
