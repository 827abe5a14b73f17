"""Times on the command line: dates, and how long ago."""

import time
from datetime import datetime

import pytest

from queue_server.cli.times import read_time
from queue_server.protocol.errors import ParameterError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-05-17", datetime(2026, 5, 17).astimezone()),
        ("2026-05-17T14:30", datetime(2026, 5, 17, 14, 30).astimezone()),
        ("2026-05-17T14:30+02:00", datetime.fromisoformat("2026-05-17T12:30+00:00")),
    ],
)
def test_a_date_is_local_unless_it_has_a_zone(text, expected):
    assert read_time(text, "--from") == expected.timestamp()


@pytest.mark.parametrize(
    ("text", "ago_s"), [("10s", 10), ("5m", 300), ("1.5h", 5400), ("2d", 172_800), ("1w", 604_800)]
)
def test_a_time_ago_is_counted_from_now(text, ago_s):
    before = time.time() - ago_s
    found = read_time(text, "--from")
    assert found is not None
    assert before <= found <= time.time() - ago_s


def test_no_time_stays_none():
    assert read_time(None, "--from") is None


@pytest.mark.parametrize("text", ["", "soon", "10", "10x", "2026-13-01", "-5m", "99999999999999-01-01"])
def test_what_is_no_time_is_refused_by_its_option(text):
    with pytest.raises(ParameterError) as caught:
        read_time(text, "--to")
    assert caught.value.field == "--to"
