"""Archives that are kept: whole ones only, and no more than there is room for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from http_gateway.result_files.archives import Archives, name_archive, read_file
from queue_server.protocol.records import Artifact, ManifestEntry

NAMES = [f"{number:064x}" for number in range(4)]


def entry(name, digit):
    """Return a file of a manifest."""
    return ManifestEntry(name=name, artifact=Artifact(id=digit * 64, size_bytes=1, created=0.0))


@pytest.fixture
def archives(tmp_path):
    """Archives of 100 bytes together."""
    archives = Archives(tmp_path / "archives", 100)
    archives.prepare()
    return archives


def pieces_of(*sizes):
    """Give pieces of these sizes."""
    yield from (b"x" * size for size in sizes)


def kept(directory: Path):
    """Return the names of what is kept."""
    return sorted(each.name for each in (directory / "archives").iterdir() if each.is_file())


def take(archives, name, *sizes):
    """Take all of an archive; return its length."""
    return len(b"".join(archives.keep(name, pieces_of(*sizes))))


def test_the_name_of_an_archive_is_what_is_in_it():
    manifest = [entry("a", "1"), entry("b", "2")]
    assert name_archive(manifest) == name_archive(reversed(manifest))
    others = [[entry("a", "2"), entry("b", "1")], [entry("a", "1")], [entry("a", "1"), entry("c", "2")]]
    assert len({name_archive(each) for each in (manifest, *others)}) == 4


def test_what_was_taken_to_its_end_is_kept_and_found(archives, tmp_path):
    assert archives.find(NAMES[0]) is None
    assert take(archives, NAMES[0], 10, 20) == 30
    with archives.find(NAMES[0]) as file:
        assert b"".join(read_file(file, 5, 30)) == b"x" * 25
        assert file.closed
    assert list((tmp_path / "archives" / "drafts").iterdir()) == []


def test_what_was_left_before_its_end_is_not_kept(archives, tmp_path):
    pieces = archives.keep(NAMES[0], pieces_of(10, 20))
    next(pieces)
    pieces.close()

    def broken():
        yield b"x"
        raise ValueError("damaged")

    with pytest.raises(ValueError, match="damaged"):
        list(archives.keep(NAMES[1], broken()))
    assert kept(tmp_path) == []
    assert list((tmp_path / "archives" / "drafts").iterdir()) == []


def test_what_was_asked_for_least_recently_goes_first(archives, tmp_path):
    for number, name in enumerate(NAMES[:3]):
        take(archives, name, 30)
        os.utime(tmp_path / "archives" / name, (number, number))
    archives.find(NAMES[0]).close()
    take(archives, NAMES[3], 40)
    assert kept(tmp_path) == [NAMES[0], NAMES[2], NAMES[3]]


def test_what_is_larger_than_all_may_be_is_given_and_not_kept(archives, tmp_path):
    assert take(archives, NAMES[0], 60, 60) == 120
    assert kept(tmp_path) == []


def test_a_disk_that_takes_nothing_costs_nobody_the_archive(tmp_path, caplog):
    (tmp_path / "archives").write_text("in the way")
    archives = Archives(tmp_path / "archives", 100)
    archives.prepare()
    assert take(archives, NAMES[0], 10) == 10
    assert "not kept" in caplog.text
