"""A list that keeps itself as bytes: found and encoded once, whoever asks, and however many at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from queue_server.access.kept_listing import KeptListing

ENCODINGS = ["json", "msgpack"]


def make(entries):
    return {f"device_{number}": {"number": number} for number in range(entries)}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_many_threads_that_ask_at_once_make_it_once(encoding):
    made, begin = [], threading.Barrier(4)

    def find():
        made.append(1)
        return make(500)

    listing = KeptListing(find)

    def ask(_):
        begin.wait(5)
        return listing.encoded(encoding)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(ask, range(4)))
    assert made == [1]
    assert all(answer is answers[0] for answer in answers)


def test_a_listing_that_could_not_be_found_is_looked_for_again():
    found = iter([None, {"a": 1}])

    def find():
        value = next(found)
        if value is None:
            raise LookupError
        return value

    listing = KeptListing(find)
    with pytest.raises(LookupError):
        listing.encoded("json")
    assert listing.encoded("json") == b'{"a":1}'
