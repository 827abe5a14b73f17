"""Values become plain within bounds, and what cannot is shown."""

from __future__ import annotations

import math
from collections import OrderedDict

import numpy as np
import pytest

from device_worker.excerpt import MESSAGE_LIMIT_CHARS
from device_worker.plain_value import LIMIT_BYTES, NotPlainError, make_map_plain, make_plain, show


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (None, None),
        ({"a": (1, 2.5, True, "x")}, {"a": [1, 2.5, True, "x"]}),
        (np.arange(3), [0, 1, 2]),
        (np.float64(1.5), 1.5),
        (np.array([[1.0, math.nan]]), [[1.0, None]]),
        (math.inf, None),
        (frozenset({7}), [7]),
        (OrderedDict({1: np.int32(2)}), {"1": 2}),
    ],
)
def test_what_json_can_say_is_kept(value, plain):
    assert make_plain(value) == plain


def cycle():
    items = []
    items.append(items)
    return items


@pytest.mark.parametrize(
    "value",
    [
        object(),
        {"a": {"b": object()}},
        b"bytes",
        1 + 2j,
        "x" * LIMIT_BYTES,
        np.zeros((10_000, 10_000), dtype=np.uint8),
        [0.123456789] * 30_000,
        cycle(),
        "\ud800",
        10**400,
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_json_cannot_say_or_is_too_large_is_refused(value):
    with pytest.raises(NotPlainError):
        make_plain(value)


def test_nesting_is_bounded():
    value = 0
    for _ in range(40):
        value = [value]
    with pytest.raises(NotPlainError, match="nested"):
        make_plain(value)


class Rude:
    def __repr__(self):
        raise OSError("no")


@pytest.mark.parametrize("value", [object(), Rude(), [Rude()], "\ud800", "x" * 10**6, cycle(), list(range(10**6))])
def test_any_value_is_shown_shortly(value):
    text = show(value)
    assert text
    assert len(text) <= MESSAGE_LIMIT_CHARS + 100
    text.encode()


def test_a_map_keeps_what_is_plain_shows_the_rest_and_leaves_out_what_does_not_fit(caplog):
    values = {"sample": "gold", "first": "x" * 80, "large": "y" * 80, 5: 1 + 2j, "last": [1]}
    plain = make_map_plain(values, 200)
    assert plain == {"sample": "gold", "first": "x" * 80, "5": "(1+2j)", "last": [1]}
    assert "'large' is left out" in caplog.text
