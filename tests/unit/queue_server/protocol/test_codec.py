"""JSON and msgpack: recognised by the first byte, refused before they cost memory, written so that clients can read."""

from __future__ import annotations

import json
import math
import time
import tracemalloc
from types import MappingProxyType
from typing import Any

import msgpack
import numpy
import pytest

from queue_server.protocol.codec import CLIENT_BOUNDS, WORKER_BOUNDS, Bounds, decode, encode, recognise
from queue_server.protocol.errors import EnvelopeError
from tests.cases import each

SMALL = Bounds(size_bytes=1000, depth=4, elements=20)
# A refusal is cheap: far below what a message of this size costs to read, also on a machine that does other things.
QUICK_S = 1.0
QUICK_BYTES = 8 * 1024 * 1024


def refuse(data, bounds=CLIENT_BOUNDS):
    with pytest.raises(EnvelopeError) as caught:
        decode(data, bounds)
    return caught.value.message


def refuse_cheaply(data):
    tracemalloc.start()
    started = time.process_time()
    try:
        message = refuse(data)
        assert time.process_time() - started < QUICK_S
        assert tracemalloc.get_traced_memory()[1] < QUICK_BYTES
    finally:
        tracemalloc.stop()
    return message


# --- recognition --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [b"{}", b' {"a":1}', b"\n\t\r {}", b"{"])
def test_an_object_of_json_is_recognised_by_its_brace_or_the_blanks_before_it(data):
    assert recognise(data) == "json"


@pytest.mark.parametrize("data", [b"\x80", b"\x8f", b"\xde\x00\x00", b"\xdf\x00\x00\x00\x00"])
def test_a_map_of_msgpack_is_recognised_by_its_header(data):
    assert recognise(data) == "msgpack"


@each("first", sorted(set(range(256)) - set(b"{ \t\r\n") - {*range(0x80, 0x90), 0xDE, 0xDF}))
def test_no_other_first_byte_is_a_message(first):
    with pytest.raises(EnvelopeError, match="neither a JSON object nor a msgpack map"):
        recognise(bytes([first]))


def test_no_bytes_are_no_message():
    assert "neither" in refuse(b"")


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
def test_what_is_encoded_is_decoded_and_its_encoding_told(encoding):
    value = {"method": "status", "params": {"a": [1, 2.5, "ö", None, True], "b": {}}}
    assert decode(encode(value, encoding)) == (value, encoding)


# --- what is refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [b'{"a":1', b"{]", b"{} {}", b'{"a":NaN}', b'{"a":Infinity}', b'{"a":1e999}', b'{"a":"\\ud800"}', b'{"a":"\xff"}'],
)
def test_malformed_json_is_refused(data):
    assert refuse(data) == "The message is not valid json."


@pytest.mark.parametrize(
    "data",
    [
        b"\x81\xa1a",  # the value is missing
        b"\x81\xa1a\x01\x01",  # bytes are left over
        b"\x81\xa1a\xc1",  # a byte without a meaning
        b"\x81\xa1a\xa1\xff",  # text that is not UTF-8
        b"\x81\x90\x01",  # a list as a key
        b"\x81\x80\x01",  # a map as a key
    ],
)
def test_malformed_msgpack_is_refused(data):
    assert refuse(data) == "The message is not valid msgpack."


@pytest.mark.parametrize("data", [b" []", b" 5", b' "text"', b" null", b" true"])
def test_json_that_is_no_object_is_refused(data):
    assert "must be a map, not" in refuse(data)


@pytest.mark.parametrize("data", [b"\x81\xa1a\xd4\x05\x00", b"\x81\xa1a\xc7\x03\x7fabc"])
def test_extension_types_of_msgpack_are_refused_with_their_number(data):
    assert "extension type" in refuse(data)


def test_a_timestamp_of_msgpack_is_read_as_seconds():
    data: Any = msgpack.packb({"at": msgpack.Timestamp(5, 500_000_000)})
    assert decode(data)[0] == {"at": 5.5}


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
def test_a_message_may_have_as_many_bytes_as_allowed_and_no_more(encoding):
    empty = len(encode({"a": "x" * 300}, encoding)) - 300
    fits = encode({"a": "x" * (1000 - empty)}, encoding)
    assert len(fits) == SMALL.size_bytes
    assert decode(fits, SMALL)[1] == encoding
    assert "1001 bytes; at most 1000" in refuse(encode({"a": "x" * (1001 - empty)}, encoding), SMALL)


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
@pytest.mark.parametrize("wrap", [lambda value: {"a": value}, lambda value: [value]], ids=["maps", "lists"])
def test_a_message_may_be_nested_as_deep_as_allowed_and_no_deeper(encoding, wrap):
    def nest(levels):
        value = 1
        for _ in range(levels - 1):
            value = wrap(value)
        return encode({"a": value}, encoding)

    assert decode(nest(CLIENT_BOUNDS.depth))[1] == encoding
    assert refuse(nest(CLIENT_BOUNDS.depth + 1)) == "The message is nested deeper than 32 levels."


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
@pytest.mark.parametrize(
    "value",
    [[0] * 30, [[]] * 30, {str(number): 0 for number in range(30)}, [[0, 0, 0]] * 9],
    ids=["numbers", "lists", "keys", "lists of numbers"],
)
def test_a_message_with_too_many_elements_is_refused(encoding, value):
    assert refuse(encode({"a": value}, encoding), SMALL)


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
def test_a_long_text_is_not_many_elements(encoding):
    value = {"a": "x" * 500, "b": [1, 2, 3], "c": {"d": {}}}
    assert decode(encode(value, encoding), SMALL)[0] == value


def test_as_many_elements_as_allowed_are_accepted():
    # One for the map, one for its key, one for the list.
    value = {"a": ["xxxxxx"] * (SMALL.elements - 3)}
    assert decode(encode(value, "msgpack"), SMALL)[0] == value


@pytest.mark.parametrize(
    "header",
    [
        b"\xdd\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff",
        b"\xdb\xff\xff\xff\xff",
        b"\xc6\xff\xff\xff\xff",
        b"\xc9\xff\xff\xff\xff\x05",
    ],
    ids=["list", "map", "text", "bytes", "extension"],
)
@pytest.mark.parametrize("rest", [b"", b"\x80" * 4_000_000], ids=["alone", "with 4 MB"])
def test_a_claimed_length_is_refused_before_it_is_believed(header, rest):
    assert "not valid msgpack" in refuse_cheaply(b"\x81\xa1a" + header + rest)


def test_a_map_that_claims_to_be_endless_is_refused():
    assert refuse_cheaply(b"\xdf\xff\xff\xff\xff" + b"\x80" * 4_000_000)


def test_millions_of_empty_maps_are_refused_before_they_are_made():
    count = 4_000_000
    assert refuse_cheaply(b"\x81\xa1a\xdd" + count.to_bytes(4, "big") + b"\x80" * count)
    assert refuse_cheaply(b'{"a":[' + b"{}," * (count // 3) + b"{}]}")


def test_millions_of_empty_maps_in_small_portions_are_refused_at_the_limit():
    portion = b"\xdd" + (499_000).to_bytes(4, "big") + b"\x80" * 499_000
    assert refuse(b"\x81\xa1a\x98" + portion * 8) == "The message has more than 500000 elements."


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b"\x81\xa1a" * 100_000 + b"\x80",
        b"\x81\xa1a" + b"\x91" * 100_000 + b"\x80",
    ],
    ids=["json", "maps", "lists"],
)
def test_nesting_without_end_is_refused(data):
    assert refuse_cheaply(data)


def test_what_workers_send_is_bounded_more_tightly():
    assert WORKER_BOUNDS.size_bytes == 1024 * 1024
    assert CLIENT_BOUNDS.size_bytes == 8 * 1024 * 1024
    data = encode({"a": "x" * 2_000_000})
    assert decode(data)[1] == "json"
    assert "at most 1048576" in refuse(data, WORKER_BOUNDS)


# --- what is written ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, numpy.float64("nan"), numpy.float32("inf")])
def test_numbers_that_are_not_finite_become_null_in_json(number):
    assert encode({"a": number, "b": [number]}) == b'{"a":null,"b":[null]}'


def test_numbers_that_are_not_finite_survive_in_msgpack():
    assert math.isnan(decode(encode({"a": math.nan}, "msgpack"))[0]["a"])


@pytest.mark.parametrize("number", [2**63, 2**64 - 1, -(2**63), 2**64, -(2**63) - 1, 10**40])
def test_integers_of_any_length_are_written_to_json(number):
    assert json.loads(encode({"a": number})) == {"a": number}


def test_beside_a_long_integer_everything_else_is_written_as_ever():
    value = {
        "long": 10**40,
        "odd": math.nan,
        "inner": {"odd": [math.inf, 1.5], 5: None, "flag": True},
        "array": numpy.array([1.0, math.nan]),
        "set": {7},
        "pair": (1, "x"),
    }
    assert json.loads(encode(value)) == {
        "long": 10**40,
        "odd": None,
        "inner": {"odd": [None, 1.5], "5": None, "flag": True},
        "array": [1.0, None],
        "set": [7],
        "pair": [1, "x"],
    }


def test_an_integer_of_json_beyond_64_bits_is_read_as_a_float_as_in_other_languages():
    assert decode(b'{"a":18446744073709551615}')[0] == {"a": 2**64 - 1}
    assert decode(b'{"a":100000000000000000000}')[0] == {"a": 1e20}


@pytest.mark.parametrize("number", [2**64 - 1, -(2**63)])
def test_msgpack_carries_64_bits(number):
    assert decode(encode({"a": number}, "msgpack"))[0] == {"a": number}


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
@pytest.mark.parametrize(
    ("value", "written"),
    [
        (numpy.int64(3), 3),
        (numpy.float32(0.5), 0.5),
        (numpy.bool_(True), True),
        (numpy.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (numpy.array(["a", "b"]), ["a", "b"]),
        ({5}, [5]),
        (frozenset([5]), [5]),
        ((1, (2, 3)), [1, [2, 3]]),
        ({"a": {"b": ()}}, {"a": {"b": []}}),
    ],
)
def test_the_values_of_plans_and_devices_are_written_plainly(encoding, value, written):
    assert decode(encode({"a": value}, encoding))[0] == {"a": written}


def test_any_mapping_is_written_as_a_map():
    class Settings(dict):
        pass

    class Lookup:
        def tolist(self):
            return Settings(a=1)

    for encoding in ("json", "msgpack"):
        assert decode(encode({"a": Settings(b=1), "c": Lookup()}, encoding))[0] == {"a": {"b": 1}, "c": {"a": 1}}


def test_a_mapping_that_is_no_dict_is_written_as_a_map():
    value = {"a": MappingProxyType({"b": 1})}
    assert [decode(encode(value, encoding))[0] for encoding in ("json", "msgpack")] == [{"a": {"b": 1}}] * 2


def test_keys_that_are_not_text_become_text_in_json():
    odd: Any = {1: "a", None: "b", False: "c", 1.5: "d"}
    assert encode(odd) == b'{"1":"a","null":"b","false":"c","1.5":"d"}'


def test_text_that_is_not_valid_unicode_is_escaped_in_json():
    assert json.loads(encode({"a": "\ud800"})) == {"a": "\ud800"}


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
@pytest.mark.parametrize("value", [object(), len, 1j], ids=["object", "function", "complex"])
def test_what_cannot_be_written_is_a_type_error(encoding, value):
    with pytest.raises(TypeError, match="cannot be put into a message"):
        encode({"a": value}, encoding)


def test_bytes_can_be_written_to_msgpack_only():
    assert decode(encode({"a": b"\x00"}, "msgpack"))[0] == {"a": b"\x00"}
    with pytest.raises(TypeError, match="bytes cannot be put into a message"):
        encode({"a": b"\x00"})


@pytest.mark.parametrize(
    ("encoding", "value"),
    [("msgpack", {"a": 2**64}), ("msgpack", {"a": "\ud800"}), ("json", {"a": 10**5000}), ("json", {(1, 2): 3})],
    ids=["long integer", "text", "endless integer", "tuple as key"],
)
def test_what_an_encoding_cannot_carry_is_a_type_error_too(encoding, value):
    with pytest.raises(TypeError):
        encode(value, encoding)


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
def test_a_value_that_contains_itself_is_a_type_error(encoding):
    value = {}
    value["a"] = value
    with pytest.raises(TypeError, match=f"cannot be put into a {encoding} message"):
        encode(value, encoding)
