"""The small picture of an image in a terminal."""

from __future__ import annotations

import numpy as np
import pytest

from queue_server.cli.demo.picture import read_image, show_picture, shrink


@pytest.fixture
def save(tmp_path):
    def save(array):
        np.save(tmp_path / "image.npy", array)
        return tmp_path / "image.npy"

    return save


def test_an_image_is_read_row_by_row(save):
    image = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert [list(row) for row in read_image(save(image))] == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize("wrong", [np.zeros((2, 2)), np.zeros(4, np.float32), np.zeros((3, 2), np.float32).T])
def test_another_array_is_refused(save, wrong):
    with pytest.raises(ValueError, match="is no image of float32"):
        read_image(save(wrong))


@pytest.mark.parametrize(("content", "said"), [(b"PNG", "no array of numpy"), (None, "5 values, and 2 x 3")])
def test_a_file_that_is_damaged_is_refused(save, content, said):
    path = save(np.zeros((2, 3), np.float32))
    path.write_bytes(path.read_bytes()[:-4] if content is None else content)
    with pytest.raises(ValueError, match=said):
        read_image(path)


def test_pixels_are_means_of_those_that_they_cover():
    image = np.arange(16.0).reshape(4, 4).tolist()
    assert shrink(image, 2) == [[2.5, 4.5], [10.5, 12.5]]
    assert shrink(image, 9) == image
    assert len(shrink(np.zeros((7, 5)).tolist(), 3)) == 3


def test_nothing_is_drawn_where_nobody_sees_it(capsys):
    show_picture([[0.0, 1.0], [1.0, 0.0]])
    assert capsys.readouterr().out == ""
