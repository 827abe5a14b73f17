from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
from PIL import Image

from device_worker.compute.errors import OutputError
from device_worker.compute.output_files import write_output


@pytest.fixture
def write(tmp_path):
    def write(name, value):
        path = tmp_path / "part"
        return path, write_output(path, name, value, "result")

    return write


def test_the_entry_tells_size_checksum_and_type(write):
    path, entry = write("notes/a.txt", "größer")
    content = path.read_bytes()
    assert content.decode() == "größer"
    assert entry.to_map() == {
        "name": "notes/a.txt",
        "size_bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "content_type": "text/plain",
        "role": "result",
    }


@pytest.mark.parametrize("value", [np.eye(3, dtype=np.complex64), np.float32(4), [1, 2, 3], 7])
def test_an_array_is_written_in_numpys_format(write, value):
    path, entry = write("a.npy", value)
    loaded = np.load(path)
    assert np.array_equal(loaded, value)
    assert loaded.dtype == np.asarray(value).dtype
    assert entry.size_bytes == path.stat().st_size


def test_several_arrays_are_written_into_one_file(write):
    path, entry = write("a.npz", {"x": [1, 2], "y": np.eye(2)})
    with np.load(path) as loaded:
        assert loaded["x"].tolist() == [1, 2]
        assert loaded["y"].tolist() == [[1, 0], [0, 1]]
    assert entry.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert entry.size_bytes == path.stat().st_size


def test_json_takes_numbers_and_arrays_of_numpy(write):
    path, _ = write("a.json", {"snr": np.float32(1.5), "n": np.int64(3), "shape": np.arange(3), "none": None})
    assert json.loads(path.read_text()) == {"snr": 1.5, "n": 3, "shape": [0, 1, 2], "none": None}


@pytest.mark.parametrize(
    "picture",
    [
        np.arange(12, dtype=np.uint8).reshape(3, 4),
        np.arange(12, dtype=np.uint16).reshape(3, 4) * 5000,
        np.arange(36, dtype=np.uint8).reshape(3, 4, 3),
        np.arange(48, dtype=np.uint8).reshape(3, 4, 4),
        np.arange(24, dtype=np.uint8).reshape(3, 8)[:, ::2],
    ],
)
def test_a_picture_is_read_back_as_it_was(write, picture):
    path, entry = write("a.png", picture)
    with Image.open(path) as image:
        assert image.format == "PNG"
        assert np.array_equal(np.asarray(image), picture)
    assert entry.content_type == "image/png"


@pytest.mark.parametrize("name", ["a.dcm", "a", "a.png"])
def test_bytes_are_written_as_they_are(write, name):
    path, _ = write(name, b"\x00\x01")
    assert path.read_bytes() == b"\x00\x01"


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("a.npy", np.array([{}], dtype=object), "numbers or text"),
        ("a.npy", [1, [2, 3]], "inhomogeneous"),
        ("a.npz", np.eye(2), "mapping from names"),
        ("a.npz", {}, "mapping from names"),
        ("a.npz", {"file": [1]}, "'file'"),
        ("a.json", {"x": float("nan")}, "not JSON compliant"),
        ("a.json", {"x": object()}, "no form for object"),
        ("a.json", "\ud800", "surrogates"),
        ("a.png", np.eye(3), r"float64 with shape \(3, 3\)"),
        ("a.png", np.zeros((0, 3), np.uint8), r"shape \(0, 3\)"),
        ("a.png", np.zeros((3, 3, 3), np.uint16), "uint16"),
        ("a.txt", 3, "takes a text, not int"),
        ("a.bin", "text", "takes bytes, not str"),
        ("a.bin", np.zeros(3), "ndarray of float64"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_the_name_of_the_file(write, name, value, reason):
    with pytest.raises(OutputError, match=rf"^File '{name}': .*{reason}"):
        write(name, value)


def test_no_file_is_overwritten(write):
    write("a.txt", "first")
    with pytest.raises(FileExistsError):
        write("a.txt", "second")
