"""Large maps: encoded piece by piece, and spliced into replies that say the same as whole ones."""

from __future__ import annotations

import msgpack
import pytest

from queue_server.access.kept_listing import KeptListing
from queue_server.protocol.codec import decode, encode
from queue_server.protocol.listing import PIECE_ENTRIES, Roll, encode_entries, encode_reply

ENCODINGS = ["json", "msgpack"]
SIZES = [0, 1, 15, 16, PIECE_ENTRIES, PIECE_ENTRIES + 1, 2 * PIECE_ENTRIES + 7, 70_000]
ODD = {"wide ü": 2**70, "deep": {"list": [1, (2, 3), {"set": {4}}]}, "inf": float("inf"), 5: "key"}


def make(entries):
    return {f"device_{number}": {"number": number} for number in range(entries)}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("entries", SIZES)
def test_the_pieces_say_what_the_whole_would_say(entries, encoding):
    assert decode_entries(encode_entries(make(entries), encoding)) == make(entries)
    assert encode_entries(make(entries), encoding) == encode(make(entries), encoding)


def test_odd_values_are_written_as_in_any_message():
    assert decode_entries(encode_entries(ODD, "json")) == decode_entries(encode(ODD, "json"))
    smaller = {name: value for name, value in ODD.items() if name != "wide ü"}
    assert encode_entries(smaller, "msgpack") == encode(smaller, "msgpack")


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_what_cannot_be_encoded_is_refused(encoding):
    with pytest.raises(TypeError):
        encode_entries({"a": object()}, encoding)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("others", [{}, {"success": True, "msg": "", "id": 2**80}, {str(n): n for n in range(15)}])
@pytest.mark.parametrize("entries", [0, 3, PIECE_ENTRIES + 1])
def test_a_reply_with_listings_says_what_a_plain_one_would_say(entries, others, encoding):
    if encoding == "msgpack" and "id" in others:
        others = others | {"id": 2**60}
    plain = {"a list": make(entries), **others, "another": make(1)}
    reply = {
        name: KeptListing(lambda value=value: value) if isinstance(value, dict) else value
        for name, value in plain.items()
    }
    assert decode(encode_reply(reply, encoding)) == (plain, encoding)
    assert encode_reply(others, encoding) == encode(others, encoding)


def test_a_listing_is_a_map_that_every_encoder_knows():
    listing = KeptListing(lambda: {"a": 1, "b": 2})
    assert (dict(listing), len(listing), listing["b"]) == ({"a": 1, "b": 2}, 2, 2)
    assert decode(encode({"list": listing})) == ({"list": {"a": 1, "b": 2}}, "json")


def decode_entries(data):
    return decode(data)[0]


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
@pytest.mark.parametrize("number", [0, 1, 15, 16, PIECE_ENTRIES, PIECE_ENTRIES + 1, 3 * PIECE_ENTRIES + 7, 70_000])
def test_a_long_list_is_encoded_as_any_other_list(encoding, number):
    entries = [{"n": each, "text": "x"} for each in range(number)]
    reply = {"success": True, "items": Roll(entries), "msg": ""}
    assert decode(encode_reply(reply, encoding))[0] == {"success": True, "items": entries, "msg": ""}
    assert Roll(entries).encoded("msgpack") == msgpack.packb(entries)
