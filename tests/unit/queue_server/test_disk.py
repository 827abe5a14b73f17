import os

import pytest

from queue_server import disk


def test_a_directory_is_synced_and_let_go(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append((handle, os.readlink(f"/proc/self/fd/{handle}"))))
    disk.sync_directory(tmp_path)
    [(handle, path)] = synced
    assert path == str(tmp_path)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(handle)


def test_a_file_is_not_taken_for_a_directory(tmp_path):
    file = tmp_path / "a.txt"
    file.touch()
    with pytest.raises(NotADirectoryError):
        disk.sync_directory(file)


def test_an_error_of_the_disk_is_told_and_the_directory_is_let_go(tmp_path, monkeypatch):
    handles = []

    def fail(handle):
        handles.append(handle)
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="Input/output error"):
        disk.sync_directory(tmp_path)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(handles[0])
