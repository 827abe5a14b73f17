"""JSON that is read in one way only, and its fingerprint."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from http_gateway.dialects.ica.strict_json import DEEPEST, fingerprint_of, read_json
from http_gateway.errors import BodyError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text('aä😀\\"{'),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(VALUES)
def test_what_json_says_is_read(value):
    assert read_json(json.dumps(value).encode()) == value


@given(VALUES)
def test_a_key_that_is_there_twice_is_found_wherever_it_stands(value):
    twice = b'{"k\\"": %b, "k\\"" : 1}' % json.dumps(value).encode()
    for text in (twice, b"[%b]" % twice, b'{"a:": %b, "\\\\": {}}' % twice):
        with pytest.raises(BodyError, match="twice"):
            read_json(text)


def test_long_numbers_are_exact():
    assert read_json(b'{"a": [18446744073709551617, -9223372036854775809]}') == {
        "a": [18446744073709551617, -9223372036854775809]
    }
    assert fingerprint_of(read_json(b"[18446744073709551617]")) != fingerprint_of(read_json(b"[18446744073709551618]"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b'{"a": 1, "b": {"c": 1, "c": 2}}', "'c' twice"),
        (b'{"a": NaN}', "not valid"),
        (b'{"a": Infinity}', "not valid"),
        (b'{"a": -Infinity}', "not valid"),
        (b"[1e999]", "not valid"),
        (rb'["\ud800"]', "surrogate"),
        (rb'["\udc00\ud800"]', "surrogate"),
        (b'["\xed\xa0\x80"]', "not valid"),
        (b"\xef\xbb\xbf{}", "not valid"),
        (b'{"a": 1}}', "not valid"),
        (b"", "not valid"),
        (b"[" + b"1" * 5000 + b"]", "not valid"),
        (b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1), "deeper"),
        (b"[" * 900 + b"]" * 900, "deeper"),
        (b"[" * 1010 + b"]" * 1010, "deeper"),
        (b"[" * 100_000, "not valid"),
    ],
)
def test_what_readers_understand_differently_is_refused(text, told):
    with pytest.raises(BodyError, match=told) as raised:
        read_json(text, "The text")
    assert raised.value.message.startswith("The text ")


def test_the_deepest_body_is_read():
    text = "[" * DEEPEST + "]" * DEEPEST
    assert json.dumps(read_json(text)) == text


def test_the_order_of_keys_and_white_space_make_no_other_body():
    one = read_json(b'{"a": [1, {"x": "\xc3\xa4", "y": null}], "b": 2}')
    other = read_json(b'{ "b":2,\n"a":[1,{"y":null,"x":"\\u00e4"}]}')
    assert fingerprint_of(one) == fingerprint_of(other)
    assert len(fingerprint_of(one)) == 64


@pytest.mark.parametrize("other", [b"[2, 1]", b"[1, 2, null]", b'["1", 2]', b"[1.5, 2]", b"{}"])
def test_another_order_of_elements_and_another_value_do(other):
    assert fingerprint_of(read_json(b"[1, 2]")) != fingerprint_of(read_json(other))
