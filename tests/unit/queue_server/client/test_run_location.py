"""Files of runs are found where the index says, opened once, and nowhere else."""

from __future__ import annotations

import os

import pytest

from queue_server.client.run_location import PIECE_BYTES, RunFile, open_run_file
from queue_server.protocol.errors import NotFoundError, RunFileError
from tests.doubles.recorded_runs import documents, recorded, start, write_run


@pytest.fixture
def file(tmp_path):
    """The file of a run."""
    return write_run(tmp_path / recorded()["file"], documents(3))


def test_a_run_is_read_also_when_its_name_is_gone(file, tmp_path):
    content = file.read_bytes()
    with open_run_file(tmp_path, recorded()) as run:
        file.unlink()
        assert (run.name, run.size_bytes) == (file.name, len(content))
        assert run.path.read_bytes() == content
        assert b"".join(run.pieces()) == content
        assert b"".join(run.pieces(5, 9)) == content[5:9]


def test_what_is_appended_later_is_not_part_of_the_pieces(file, tmp_path):
    content = file.read_bytes()
    with open_run_file(tmp_path, recorded()) as run:
        with file.open("ab") as more:
            more.write(b"more\n")
        assert b"".join(run.pieces()) == content


def test_pieces_are_bounded(file, tmp_path):
    write_run(file, [start(filling="x" * 2 * PIECE_BYTES)])
    with open_run_file(tmp_path, recorded()) as run:
        assert [len(piece) for piece in run.pieces()][:2] == [PIECE_BYTES, PIECE_BYTES]


def test_a_file_that_is_forgotten_is_closed(file):
    descriptor = os.open(file, os.O_RDONLY)
    run = RunFile(descriptor, file.name)
    run.close()
    run.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)
    forgotten = os.open(file, os.O_RDONLY)
    RunFile(forgotten, file.name)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(forgotten)


def test_the_data_directory_itself_may_be_a_link(file, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path)
    with open_run_file(tmp_path / "link", recorded()) as run:
        assert run.size_bytes > 0


ELSEWHERE = {
    "not recorded": ({"file": ""}, NotFoundError, "not recorded in a file"),
    "on another host": ({"host": "far"}, NotFoundError, "on the host far: runs/"),
    "gone": ({"file": "runs/1970-01/x.jsonl"}, NotFoundError, "bring the file back"),
    "a month that is not there": ({"file": "runs/1970-02/x.jsonl"}, NotFoundError, "bring the file back"),
    "outside": ({"file": "../x.jsonl"}, RunFileError, "in which no run can be"),
    "a link": ({"file": "runs/1970-01/link.jsonl"}, RunFileError, "cannot be read"),
    "below a link": ({"file": "runs/1970-03/x.jsonl"}, RunFileError, "cannot be read"),
    "a pipe": ({"file": "runs/1970-01/pipe.jsonl"}, RunFileError, "no ordinary file"),
    "a directory": ({"file": "runs/1970-01/directory.jsonl"}, RunFileError, "no ordinary file"),
}


@pytest.mark.parametrize("what", ELSEWHERE)
def test_what_is_elsewhere_is_refused_with_where(what, file, tmp_path):
    (file.parent / "link.jsonl").symlink_to(file)
    (file.parent.parent / "1970-03").symlink_to(file.parent)
    (file.parent / "directory.jsonl").mkdir()
    os.mkfifo(file.parent / "pipe.jsonl")
    change, kind, text = ELSEWHERE[what]
    with pytest.raises(kind, match=text):
        open_run_file(tmp_path, recorded(**change))
