"""Parts of files: one part that is there is given, what is no part gives all, and what is not there is refused."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from http_gateway.byte_ranges import dispose, take_part
from http_gateway.errors import RangeError


def request(**headers):
    """A request with these headers."""
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "headers": raw})


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [("bytes=0-0", 0, 1), ("bytes=4-", 4, 10), ("bytes=4-99", 4, 10), ("bytes=-3", 7, 10), (" bytes=-99 ", 0, 10)],
)
def test_one_part_is_given_with_its_place(asked, start, stop):
    part = take_part(request(range=asked), 10)
    assert (part.start, part.stop, part.status) == (start, stop, 206)
    length, place = str(stop - start), f"bytes {start}-{stop - 1}/10"
    assert part.headers == {"Accept-Ranges": "bytes", "Content-Length": length, "Content-Range": place}


@pytest.mark.parametrize("asked", ["", "bytes=-", "bytes=5-4", "bytes=0-1,3-4", "lines=0-1", "bytes=a-b", "bytes=٣-٤"])
def test_what_is_no_part_gives_all(asked):
    raw = {"type": "http", "headers": [(b"range", asked.encode())]}
    part = take_part(Request(raw), 10)
    assert (part.start, part.stop, part.status) == (0, 10, 200)
    assert part.headers == {"Accept-Ranges": "bytes", "Content-Length": "10"}


@pytest.mark.parametrize(("asked", "size"), [("bytes=10-", 10), ("bytes=99-100", 10), ("bytes=0-", 0), ("bytes=-0", 5)])
def test_a_part_that_is_not_there_is_refused_with_the_length(asked, size):
    with pytest.raises(RangeError) as caught:
        take_part(request(range=asked), size)
    assert caught.value.headers == {"Content-Range": f"bytes */{size}"}


def test_a_part_on_condition_is_given_only_of_what_has_not_changed():
    asked = request(range="bytes=0-1", if_range='"x"')
    assert [take_part(asked, 10, tag).status for tag in ('"x"', '"y"', None)] == [206, 200, 200]


def test_a_file_is_kept_under_the_last_part_of_its_name():
    assert dispose("a/curve.csv") == {"Content-Disposition": 'attachment; filename="curve.csv"'}
    odd = dispose('a/ü".csv')["Content-Disposition"]
    assert odd == "attachment; filename=\"__.csv\"; filename*=UTF-8''%C3%BC%22.csv"
