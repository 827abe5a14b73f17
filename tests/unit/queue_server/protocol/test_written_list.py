"""Lists that stand as text: replies say what those of values would say, and nobody reads the text for JSON."""

from __future__ import annotations

import orjson
import pytest

from queue_server.protocol.codec import decode, encode
from queue_server.protocol.listing import PIECE_ENTRIES, encode_reply, is_long
from queue_server.protocol.written_list import Piece, TextPiece, ValuePiece, WrittenList


def entries_of(number, start=0):
    return [{"n": each, "text": "ü"} for each in range(start, start + number)]


def written(entries):
    return TextPiece(len(entries), orjson.dumps(entries)[1:-1])


class CountingPiece(Piece):
    """A piece that notes how often it is read, and how."""

    def __init__(self, number):
        self.count = number
        self.reads = []

    def text(self):
        self.reads.append("text")
        return orjson.dumps(entries_of(self.count))[1:-1]

    def entries(self):
        self.reads.append("entries")
        return entries_of(self.count)


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
@pytest.mark.parametrize("sizes", [[], [0], [1], [3, 0, 2], [15, 1], [PIECE_ENTRIES + 1, 7], [70_000]])
def test_a_written_list_is_encoded_as_any_other_list(encoding, sizes):
    parts = [entries_of(size, sum(sizes[:place])) for place, size in enumerate(sizes)]
    whole = [entry for part in parts for entry in part]
    for make in (written, ValuePiece):
        items = WrittenList(map(make, parts))
        assert (len(items), list(items), items[-2:]) == (len(whole), whole, whole[-2:])
        reply = encode_reply({"success": True, "items": items, "msg": ""}, encoding)
        assert decode(reply)[0] == {"success": True, "items": whole, "msg": ""}


def test_text_is_taken_once_and_never_read_for_json():
    pieces = [CountingPiece(500), CountingPiece(3)]
    assert len(decode(encode_reply({"items": WrittenList(pieces)}, "json"))[0]["items"]) == 503
    assert [piece.reads for piece in pieces] == [["text"], ["text"]]


def test_values_are_written_as_in_every_reply():
    odd = [{"n": float("nan"), "long": 2**70, "list": "[1]"}]
    assert decode(encode_reply({"items": WrittenList([ValuePiece(odd)])}, "json")) == decode(encode({"items": odd}))


def test_only_what_is_long_is_encoded_in_a_thread():
    assert not is_long(WrittenList([written(entries_of(PIECE_ENTRIES))]))
    assert is_long(WrittenList([written(entries_of(PIECE_ENTRIES)), written(entries_of(1))]))
