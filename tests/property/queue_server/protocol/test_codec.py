"""Any message survives both encodings; any bytes are a message or are refused, and nothing else."""

from __future__ import annotations

import math
from typing import Any

import msgpack
import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from queue_server.protocol.codec import Bounds, decode, encode
from queue_server.protocol.envelope import read_request
from queue_server.protocol.errors import EnvelopeError
from tests.faults.tiers import rounds

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=20
)
MESSAGES = st.dictionaries(TEXT, VALUES, max_size=5)
ENCODINGS = st.sampled_from(["json", "msgpack"])
SMALL = Bounds(size_bytes=200, depth=5, elements=20)


@settings(max_examples=rounds(30, 60))
@given(MESSAGES, ENCODINGS)
def test_a_message_survives_its_encoding(message, encoding):
    assert decode(encode(message, encoding)) == (message, encoding)


@settings(max_examples=rounds(30, 60))
@given(MESSAGES)
def test_json_is_read_by_others(message):
    assert orjson.loads(encode(message)) == message


@settings(max_examples=rounds(30, 60))
@given(st.dictionaries(TEXT, VALUES | st.floats() | st.lists(st.floats(), max_size=3), max_size=5))
def test_a_number_that_is_not_finite_never_leaves_as_json(message):
    assert decode(encode(message))[0] == replace_odd_numbers(message)


def replace_odd_numbers(value):
    if isinstance(value, dict):
        return {key: replace_odd_numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [replace_odd_numbers(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


@settings(max_examples=rounds(80, 200))
@given(st.binary(max_size=300), st.sampled_from([b"", b"{", b"\x81\xa1a", b"\xde\x00\x02", b'{"a":']))
def test_any_bytes_are_a_map_or_are_refused(data, start):
    try:
        message, _ = decode(start + data, SMALL)
    except EnvelopeError:
        return
    assert isinstance(message, dict)


@settings(max_examples=rounds(30, 60))
@given(MESSAGES, ENCODINGS, st.data())
def test_a_message_with_one_wrong_byte_is_a_message_or_is_refused(message, encoding, data):
    frame = bytearray(encode(message, encoding))
    place = data.draw(st.integers(0, len(frame) - 1))
    frame[place] = data.draw(st.integers(0, 255))
    try:
        decode(bytes(frame))
    except EnvelopeError:
        return


@settings(max_examples=rounds(30, 60))
@given(MESSAGES, ENCODINGS)
def test_nothing_beyond_the_bounds_gets_through(message, encoding):
    frame = encode(message, encoding)
    fits = len(frame) <= SMALL.size_bytes and depth_of(message) <= SMALL.depth
    try:
        decode(frame, SMALL)
    except EnvelopeError:
        assert not fits or len(frame) > SMALL.elements
    else:
        assert fits
        assert count(message) <= max(SMALL.elements, len(frame))


def depth_of(value):
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if children is None else 1 + max((depth_of(child) for child in children), default=0)


def count(value):
    children = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return len(children) + sum(count(child) for child in children)


ANYTHING = st.recursive(
    LEAVES | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT | st.integers(0, 5), inner, max_size=3),
    max_leaves=10,
)
KEYS = st.sampled_from(["method", "params", "id", "idempotency_key", "origin", "extra"]) | TEXT


@settings(max_examples=rounds(30, 60))
@given(st.dictionaries(KEYS, ANYTHING, max_size=6))
def test_any_map_is_a_request_or_is_refused(message):
    frame: Any = msgpack.packb(message)
    try:
        request = read_request(decode(frame)[0])
    except EnvelopeError:
        return
    assert 1 <= len(request.method) <= 128
    assert request.as_mapping()["params"] == (message.get("params") or {})
    assert set(message) <= {"method", "params", "id", "idempotency_key", "origin"}
