"""The content of published documents: plain, within the bounds, and the same whatever was encoded before."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import msgpack
import numpy as np
import pytest

from device_worker.documents.content import ContentEncoder, OmittedError
from queue_server.protocol.codec import encode
from queue_server.protocol.documents import MOST_PUBLISHED_BYTES

EVENT = {
    "uid": "e",
    "time": 1.5,
    "seq_num": 1,
    "data": {"x": 0.5, "image": np.arange(6, dtype=np.uint16).reshape(2, 3), "tags": ("a", b"b")},
    "filled": {},
}


@pytest.fixture
def encoder():
    return ContentEncoder()


def test_a_document_is_the_same_bytes_as_any_other_message(encoder):
    assert encoder.encode(EVENT) == encode(EVENT, "msgpack")


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (datetime(2026, 1, 2, tzinfo=UTC), "datetime.datetime(2026, 1, 2, 0, 0, tzinfo=datetime.timezone.utc)"),
        (UUID(int=1), "UUID('00000000-0000-0000-0000-000000000001')"),
        (3 + 4j, "(3+4j)"),
        (np.array([1j]), ["1j"]),
    ],
)
def test_what_has_no_form_in_a_message_is_shown(encoder, value, read):
    assert msgpack.unpackb(encoder.encode({"data": {"x": value}})) == {"data": {"x": read}}


class Array:
    """An array that may be measured, but not be made a list."""

    size = MOST_PUBLISHED_BYTES + 1

    def tolist(self):
        raise AssertionError


HALF = np.zeros(MOST_PUBLISHED_BYTES // 2 + 1, dtype=np.uint8)


@pytest.mark.parametrize(
    "document",
    [
        {"data": {"x": Array()}},
        {"data": {"x": [{"y": Array()}]}},
        {"data": {"x": HALF, "y": HALF}},
        {"data": {"shown": 1j, "x": Array()}},
        {"image": Array()},
        {"data": {"x": "x" * MOST_PUBLISHED_BYTES}},
    ],
)
def test_a_document_that_is_too_large_is_omitted(encoder, document):
    with pytest.raises(OmittedError, match=f"bytes or more, and at most {MOST_PUBLISHED_BYTES} are published"):
        encoder.encode(document)


@pytest.mark.parametrize(
    "before", [{"data": {"x": "x" * MOST_PUBLISHED_BYTES}}, {"data": {"x": HALF}}, {"a": [1, 2**80]}, {"a": "\udc80"}]
)
def test_nothing_is_left_of_what_was_encoded_before(encoder, before):
    for _ in range(2):
        try:
            encoder.encode(before)
        except OmittedError:
            continue
    assert encoder.encode(EVENT) == encode(EVENT, "msgpack")


@pytest.mark.parametrize("value", [2**80, "\udc80"])
def test_what_cannot_be_put_into_a_message_is_told(encoder, value):
    with pytest.raises(OmittedError, match="cannot be put into a message"):
        encoder.encode({"data": {"x": value}})
