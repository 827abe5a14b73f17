from __future__ import annotations

import numpy as np
import pytest

from device_worker.compute import InputArray, InputFile


@pytest.fixture
def array_file(tmp_path):
    path = tmp_path / "kspace.npy"
    np.save(path, np.arange(24, dtype=np.int16).reshape(2, 3, 4))
    return path


def test_the_handle_of_an_array_tells_its_shape_and_type(array_file):
    handle = InputArray.open(array_file)
    assert (handle.shape, handle.dtype) == ((2, 3, 4), np.int16)


def test_a_node_gets_the_array_read_only(array_file):
    array = InputArray.open(array_file).load()
    assert type(array) is np.ndarray
    assert array.tolist() == np.arange(24).reshape(2, 3, 4).tolist()
    with pytest.raises(ValueError, match="read-only"):
        array[0, 0, 0] = 1


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_the_slices_of_an_axis_are_the_array(array_file, axis):
    handle = InputArray.open(array_file)
    parts = [part.load() for part in handle.slices(axis)]
    assert np.array_equal(np.stack(parts, axis), handle.load())


@pytest.mark.parametrize("axis", [3, -4])
def test_an_axis_that_the_array_does_not_have_is_refused(array_file, axis):
    with pytest.raises(ValueError, match=r"kspace\.npy has 3 axes"):
        InputArray.open(array_file).slices(axis)


def test_an_array_of_objects_is_not_opened(tmp_path):
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="object"):
        InputArray.open(tmp_path / "objects.npy")


@pytest.mark.parametrize("content", [b"", b"no array", b"\x80\x04N."])
def test_a_file_of_another_kind_is_no_array(tmp_path, content):
    (tmp_path / "other.npy").write_bytes(content)
    with pytest.raises(ValueError, match=r"magic|EOF"):
        InputArray.open(tmp_path / "other.npy")


def test_an_array_that_was_cut_off_is_refused(array_file):
    array_file.write_bytes(array_file.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"mmap length|size"):
        InputArray.open(array_file)


def test_a_node_gets_the_path_of_a_file(tmp_path):
    (tmp_path / "notes").write_text("x")
    assert InputFile.open(str(tmp_path / "notes")).load() == tmp_path / "notes"


@pytest.mark.parametrize("kind", [InputArray, InputFile])
def test_what_does_not_exist_cannot_be_opened(tmp_path, kind):
    with pytest.raises(FileNotFoundError):
        kind.open(tmp_path / "missing")
