"""What may be uploaded: names, kinds, sizes, checksums, and when a file is the same again."""

from __future__ import annotations

import json

import pytest

from http_gateway.dialects.scanhub.frames import FileTransfer
from http_gateway.dialects.scanhub.uploads import (
    File,
    StoredFile,
    build_parameter_file,
    check_written,
    choose_parameter,
    find_replay,
    read_header,
    read_name,
    result_key,
)
from queue_server.protocol.errors import ParameterError
from tests.doubles.device_session import ITEM, OTHER, SHA


def header(filename="a.mrd", size_bytes=5, **more):
    return FileTransfer(task_id="a", user_access_token="b", size_bytes=size_bytes, filename=filename, **more)


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (None, "upload.bin"),
        ("a.mrd", "a.mrd"),
        ("/etc/passwd", "passwd"),
        ("..\\..\\windows\\scan.dcm", "scan.dcm"),
        ("C:/x\\y/z.npy", "z.npy"),
        ("ä" * 127, "ä" * 127),
    ],
)
def test_the_name_is_the_last_component(given, name):
    assert read_header(header(given)).name == name


@pytest.mark.parametrize(
    "given", ["", ".", "..", "a/..", "a/", "a\\", "x" * 256, "ä" * 128, "a\nb", "a\x00", "a\x7f", "\x85"]
)
def test_a_name_that_no_file_should_have_is_refused(given):
    with pytest.raises(ParameterError):
        read_header(header(given))
    assert len(read_name(header(given))) <= 256


def test_a_checksum_counts_in_any_case_of_letters():
    file = read_header(header(sha256=SHA.upper()))
    assert file.sha256 == SHA
    check_written(file, 5, SHA.upper())


@pytest.mark.parametrize("sha256", ["", "ab", SHA + "ab", "g" * 64])
def test_what_is_no_checksum_is_refused(sha256):
    with pytest.raises(ParameterError, match="sha256"):
        read_header(header(sha256=sha256))


def test_the_size_is_limited():
    assert read_header(header(size_bytes=100), most_bytes=100).size_bytes == 100
    with pytest.raises(ParameterError, match="limit of 100 bytes"):
        read_header(header(size_bytes=101), most_bytes=100)


@pytest.mark.parametrize(("told", "kept"), [(None, 0), ("image/png", 1), ("nonsense", 0), ("a/b\r\nX: y", 0)])
def test_a_media_type_that_is_none_does_no_harm(told, kept):
    expected = told if kept else "application/octet-stream"
    assert read_header(header(content_type=told)).content_type == expected


@pytest.mark.parametrize(("size_bytes", "sha256"), [(4, SHA), (6, SHA), (5, "cd" * 32)])
def test_what_was_written_must_be_what_was_announced(size_bytes, sha256):
    with pytest.raises(ParameterError):
        check_written(read_header(header(sha256=SHA)), size_bytes, sha256)


def test_the_same_name_size_and_checksum_are_a_replay():
    stored = StoredFile("a.mrd", 5, SHA, "result 1")
    file = read_header(header())
    assert find_replay([stored], file, SHA.upper()) == stored
    assert find_replay([stored], file, "cd" * 32) is None
    assert find_replay([stored], read_header(header("b.mrd")), SHA) is None
    assert find_replay([stored], read_header(header(size_bytes=6)), SHA) is None


def test_the_key_of_a_result_tells_items_and_files_apart():
    file = read_header(header())
    others = [
        result_key(OTHER, file, SHA),
        result_key(ITEM, read_header(header("b.mrd")), SHA),
        result_key(ITEM, read_header(header(size_bytes=6)), SHA),
        result_key(ITEM, file, "cd" * 32),
    ]
    key = result_key(ITEM, file, SHA)
    assert key == result_key(ITEM, read_header(header(sha256=SHA)), SHA.upper())
    assert len({key, *others}) == 5


def test_parameters_go_beside_the_file_unless_they_are_empty_or_the_file_itself():
    snapshot = {"b0": 3}
    assert choose_parameter(read_header(header()), snapshot) == snapshot
    assert choose_parameter(read_header(header(device_parameter={"b1": 2})), snapshot) == {"b1": 2}
    assert choose_parameter(read_header(header("device_parameter.json")), snapshot) == {}
    assert choose_parameter(read_header(header()), {}) == {}
    assert json.loads(build_parameter_file("d", snapshot)) == {"device_id": "d", "parameter": snapshot}


def test_a_file_tells_a_store_what_to_expect():
    expectation = File("a", "NOT_SET", 5, SHA).expectation
    assert (expectation.size_bytes, expectation.sha256, expectation.max_size_bytes) == (5, SHA, 5)
    expectation.check()
