"""A run is read as its file grows: each whole line once."""

from __future__ import annotations

import pytest

from http_gateway.run_stream import tail
from http_gateway.run_stream.tail import UNREADABLE, RunTail
from queue_server.protocol.documents import write_line
from queue_server.protocol.errors import NotFoundError
from tests.doubles.recorded_runs import RUN_UID, descriptor, event, row, start, stop


@pytest.fixture
def file(tmp_path):
    """The file of a run that has begun."""
    path = tmp_path / "runs" / "2026-01" / f"{RUN_UID}.jsonl"
    path.parent.mkdir(parents=True)
    path.write_bytes(write_line(*start()))
    return path


@pytest.fixture
def run_tail(tmp_path, file):
    return RunTail(tmp_path, {"uid": RUN_UID, "file": str(file.relative_to(tmp_path)), "host": ""})


def append(file, content):
    with file.open("ab") as opened:
        opened.write(content)


def test_each_document_comes_once(run_tail, file):
    assert run_tail.read() == ([start()], True)
    assert run_tail.read() == ([], True)
    append(file, write_line(*descriptor()) + write_line(*event(1, row(1))))
    assert run_tail.read() == ([descriptor(), event(1, row(1))], True)


def test_half_of_a_line_is_left_until_it_is_whole(run_tail, file):
    run_tail.read()
    line = write_line(*stop())
    append(file, line[:20])
    assert run_tail.read() == ([], True)
    append(file, line[20:])
    assert run_tail.read() == ([stop()], True)


def test_a_damaged_line_keeps_its_place(run_tail, file):
    append(file, b"damage\n" + write_line(*stop()))
    assert run_tail.read() == ([start(), (UNREADABLE, {}), stop()], True)


def test_a_long_file_is_read_in_parts(run_tail, file, monkeypatch):
    monkeypatch.setattr(tail, "MOST_AT_ONCE_BYTES", 1)
    append(file, write_line(*stop()))
    assert run_tail.read() == ([start()], False)
    assert run_tail.read() == ([stop()], False)
    assert run_tail.read() == ([], True)


def test_a_line_longer_than_a_piece_is_read_as_a_whole(run_tail, file):
    long = start(note="x" * 1_000_000)
    append(file, write_line(*long))
    assert run_tail.read() == ([start(), long], True)


def test_a_run_of_another_host_is_not_found_here(tmp_path):
    with pytest.raises(NotFoundError, match="far"):
        RunTail(tmp_path, {"uid": "a", "file": "runs/2026-01/a.jsonl", "host": "far"}).read()
