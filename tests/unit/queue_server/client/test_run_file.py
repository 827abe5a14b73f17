"""Files of runs: read in order and one document at a time, whole or torn, with numbers that are not finite."""

from __future__ import annotations

import math

import pytest

from queue_server.client.run_file import read_documents
from queue_server.protocol.documents import write_line
from queue_server.protocol.errors import RunFileError

DOCUMENTS = [
    ("start", {"uid": "a", "time": 1.5}),
    ("event", {"data": {"x": math.inf}}),
    ("stop", {"run_start": "a", "exit_status": "success"}),
]
LINES = [write_line(name, document) for name, document in DOCUMENTS]


@pytest.fixture
def write(tmp_path):
    """Write a file with this content; return its path."""

    def write(content):
        path = tmp_path / "run.jsonl"
        path.write_bytes(content)
        return path

    return write


def test_documents_come_in_the_order_of_the_file(write):
    assert list(read_documents(write(b"".join(LINES)))) == DOCUMENTS


def test_a_file_without_a_line_has_no_document(write):
    assert list(read_documents(write(b""))) == []


@pytest.mark.parametrize("left", range(1, len(LINES[2]) - 1))
def test_a_last_line_that_is_not_whole_ends_the_reading(write, left):
    assert list(read_documents(write(b"".join(LINES[:2]) + LINES[2][:left]))) == DOCUMENTS[:2]


def test_a_last_line_without_its_end_is_read_where_nothing_else_is_missing(write):
    assert list(read_documents(write(b"".join(LINES).rstrip(b"\n")))) == DOCUMENTS


def test_zeros_that_a_loss_of_power_has_left_at_the_end_are_no_document(write):
    assert list(read_documents(write(b"".join(LINES) + bytes(5000)))) == DOCUMENTS


@pytest.mark.parametrize("damage", [b"\0\0\n", b"[]\n", b'["start"]\n', b'["start",[]]\n', b"[1,{}]\n", b"x\n", b"\n"])
def test_damage_before_the_last_line_is_told_with_its_place(write, damage):
    path = write(LINES[0] + damage + LINES[2])
    documents = read_documents(path)
    assert next(documents) == DOCUMENTS[0]
    with pytest.raises(RunFileError, match=rf"^Line 2 of {path} is no document"):
        next(documents)


def test_what_is_nested_too_deep_is_no_document(write):
    path = write(b'["event",' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"]\n" + LINES[2])
    with pytest.raises(RunFileError, match=r"^Line 1 of .* is no document"):
        list(read_documents(path))


def test_a_line_that_no_worker_writes_is_refused_before_it_is_held(write):
    path = write(LINES[0] + b'["event",{"a":"' + b"x" * 200 + b'"}]\n')
    documents = read_documents(path, most_bytes=100)
    assert next(documents) == DOCUMENTS[0]
    with pytest.raises(RunFileError, match=r"^Line 2 of .* is longer than 100 bytes"):
        next(documents)


def test_a_file_may_be_read_while_it_is_written(write):
    path = write(LINES[0] + LINES[1][:5])
    assert list(read_documents(path)) == DOCUMENTS[:1]
    with path.open("ab") as file:
        file.write(LINES[1][5:] + LINES[2])
    assert list(read_documents(path)) == DOCUMENTS


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(FileNotFoundError):
        next(read_documents(tmp_path / "none.jsonl"))
