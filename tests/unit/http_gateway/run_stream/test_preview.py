"""A picture of an array is small, and says which values are black and white."""

from __future__ import annotations

import numpy as np
import pytest

from http_gateway.run_stream.preview import LARGEST, make_preview


def test_pixels_go_from_the_smallest_value_to_the_largest():
    preview = make_preview([[0, 5], [10, 2.5]])
    assert preview is not None
    assert (preview.rows, preview.columns, preview.step, preview.vmin, preview.vmax) == (2, 2, 1, 0.0, 10.0)
    assert list(preview.pixels) == [0, 128, 255, 64]


def test_a_large_array_is_skipped_through():
    preview = make_preview(np.arange(1500 * 700).reshape(1500, 700))
    assert preview is not None
    assert preview.step == 3
    assert (preview.rows, preview.columns) == (500, 234)
    assert len(preview.pixels) == 500 * 234
    assert max(preview.rows, preview.columns) <= LARGEST


def test_of_several_arrays_the_last_one_is_shown():
    preview = make_preview([[[0, 0]], [[0, 1]]])
    assert preview is not None
    assert list(preview.pixels) == [0, 255]


@pytest.mark.parametrize("value", [[[3, 3]], [[np.nan, np.inf]], [[np.nan, 1]]])
def test_values_without_a_range_are_black(value):
    preview = make_preview(value)
    assert preview is not None
    assert set(preview.pixels) == {0}


@pytest.mark.parametrize("value", [1, [1, 2], [], [[]], [["a"]], [[1], [1, 2]], None, {"a": 1}])
def test_what_is_no_picture_is_none(value):
    assert make_preview(value) is None
