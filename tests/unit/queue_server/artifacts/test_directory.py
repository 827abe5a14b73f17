"""The directory of artifacts: where files lie, and what an error of the disk means."""

from __future__ import annotations

import errno
import os

import pytest

from queue_server.artifacts.directory import ArtifactDirectory, check_id, storage_error
from queue_server.protocol.errors import ParameterError, StorageError, StorageFullError

ID = "ab" + "0" * 62


@pytest.fixture
def directory(root):
    made = ArtifactDirectory(root / "artifacts")
    made.create()
    return made


def test_files_are_spread_by_their_first_byte(directory):
    assert directory.file(ID) == directory.path / "ab" / ID


def test_every_file_has_a_directory(directory):
    assert len([place for place in directory.path.iterdir() if len(place.name) == 2]) == 256
    assert directory.drafts.is_dir()


def test_an_existing_directory_stays_as_it_is(directory):
    directory.file(ID).touch()
    (directory.path / "00").rmdir()
    directory.create()
    assert directory.file(ID).exists()
    assert (directory.path / "00").is_dir()


def test_a_directory_may_be_a_link_to_a_larger_disk(root):
    (root / "disk").mkdir(mode=0o700)
    (root / "artifacts").symlink_to(root / "disk")
    ArtifactDirectory(root / "artifacts").create()
    assert (root / "disk" / "drafts").is_dir()


def test_an_id_is_checked_before_it_is_part_of_a_path(directory):
    check_id(ID)
    with pytest.raises(ParameterError, match="64 hexadecimal digits"):
        directory.file("ab/../../passwd")


def test_the_room_that_is_kept_is_not_given_away(directory):
    found = os.statvfs(directory.path)
    free = found.f_bavail * found.f_frsize
    directory.check_room(free // 2, 0)
    with pytest.raises(StorageFullError, match="are kept") as caught:
        directory.check_room(free // 2, free)
    assert caught.value.details["size_bytes"] == free // 2


def test_the_room_of_a_directory_that_was_taken_away_is_unknown(directory):
    directory.drafts.rmdir()
    with pytest.raises(StorageError, match="No such file"):
        directory.check_room(0, 0)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_told_from_a_broken_one(code, directory):
    found = storage_error(directory.path, OSError(code, os.strerror(code)))
    assert isinstance(found, StorageFullError)
    assert not found.is_fatal
    assert type(storage_error(directory.path, OSError(errno.EIO, "Input/output error"))) is StorageError
