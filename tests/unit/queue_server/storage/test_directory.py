"""The data directory: created for one user, on a disk of this host, with a marker of its own."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from queue_server.protocol.errors import StorageError
from queue_server.storage.directory import (
    NETWORK_FILE_SYSTEMS,
    DataDirectory,
    check_file_system,
    file_system_type,
)

INSTANCE = str(uuid.UUID(int=7))
EXT4, TMPFS, XFS, BTRFS = 0xEF53, 0x01021994, 0x58465342, 0x9123683E


@pytest.fixture
def directory(tmp_path):
    return DataDirectory(tmp_path)


@pytest.mark.parametrize("kind", NETWORK_FILE_SYSTEMS)
def test_a_network_file_system_is_refused_by_name(kind, tmp_path):
    with pytest.raises(StorageError, match=rf"\({NETWORK_FILE_SYSTEMS[kind]}\).*local disk"):
        check_file_system(kind, tmp_path)


def test_a_type_that_the_kernel_gives_as_a_negative_number_is_recognised(tmp_path):
    negative = int.from_bytes((0xFF534D42).to_bytes(4, "big"), "big", signed=False) - (1 << 32)
    with pytest.raises(StorageError, match="CIFS"):
        check_file_system(negative, tmp_path)


@pytest.mark.parametrize("kind", [EXT4, TMPFS, XFS, BTRFS])
def test_a_local_file_system_is_accepted(kind, tmp_path):
    check_file_system(kind, tmp_path)


def test_the_kernel_tells_the_type_of_a_file_system():
    assert hex(file_system_type(Path("/proc"))) == "0x9fa0"


def test_a_path_that_does_not_exist_has_no_file_system(tmp_path):
    with pytest.raises(StorageError, match="unknown: No such file"):
        file_system_type(tmp_path / "missing")


def test_a_new_directory_is_created_with_its_parents(tmp_path):
    DataDirectory(tmp_path / "a" / "b" / "c").create()
    assert (tmp_path / "a" / "b" / "c").stat().st_mode & 0o777 == 0o700


def test_an_existing_directory_is_left_as_it_is(directory):
    directory.path.chmod(0o755)
    directory.create()
    assert directory.path.stat().st_mode & 0o777 == 0o755


def test_a_relative_path_is_fine(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    DataDirectory(Path("below")).create()
    assert (tmp_path / "below").is_dir()


def test_an_empty_directory_passes(directory):
    directory.check_files()
    assert directory.read_marker() is None
    assert not directory.has_log()


def test_a_marker_is_written_as_a_whole_and_read_again(directory):
    directory.write_marker(INSTANCE)
    assert directory.read_marker() == INSTANCE
    assert directory.marker.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in directory.path.iterdir()] == ["instance"]


def test_a_draft_of_a_marker_that_a_crash_left_is_no_obstacle(directory):
    (directory.path / "instance.new").write_text("half a mark")
    assert directory.read_marker() is None
    directory.write_marker(INSTANCE)
    assert directory.read_marker() == INSTANCE


@pytest.mark.parametrize("content", ["", "no uuid", "\u00e9\u00e9"])
def test_a_marker_with_other_content_is_refused(content, directory):
    directory.marker.write_text(content, encoding="utf-8")
    with pytest.raises(StorageError, match="does not name an instance"):
        directory.read_marker()


def test_a_marker_that_cannot_be_read_is_refused(directory):
    directory.marker.mkdir()
    with pytest.raises(StorageError, match="cannot be read: Is a directory"):
        directory.read_marker()


@pytest.mark.parametrize(("size", "counts"), [(0, False), (31, False), (32, True), (5000, True)])
def test_a_log_counts_from_its_header_on(size, counts, directory):
    directory.log.write_bytes(bytes(size))
    assert directory.has_log() is counts


def test_a_database_is_created_empty_and_an_existing_one_is_left(directory):
    directory.create_database()
    assert directory.database.stat().st_mode & 0o777 == 0o600
    directory.database.write_bytes(b"content")
    directory.create_database()
    assert directory.database.read_bytes() == b"content"


def test_a_database_that_cannot_be_created_is_told(directory):
    directory.database.symlink_to(directory.path / "no" / "such" / "place")
    with pytest.raises(StorageError, match="cannot be opened for writing: No such file"):
        directory.create_database()
