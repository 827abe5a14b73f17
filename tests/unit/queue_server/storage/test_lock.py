"""The lock on a data directory: one holder, named in the refusal, gone with its process."""

from __future__ import annotations

import os
import resource
import subprocess
import sys

import pytest

from queue_server.protocol.errors import StorageError
from queue_server.storage.lock import LOCK_FILE, DirectoryLock, DirectoryLockedError

# Takes the lock, says so, and keeps it until its input ends.
HOLDER = """
import sys
from pathlib import Path
from queue_server.storage.lock import DirectoryLock
lock = DirectoryLock.acquire(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.read()
"""
BYSTANDER = """
import sys
print("ready", flush=True)
sys.stdin.read()
"""


def _start(script, *arguments):
    """Start a process that keeps every open file it is given, and return it when it is ready."""
    process = subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        close_fds=False,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock."""
    with _start(HOLDER, str(tmp_path)) as process:
        yield process


def test_the_lock_file_names_the_holder_and_is_for_this_user_alone(tmp_path):
    lock = DirectoryLock.acquire(tmp_path)
    assert (tmp_path / LOCK_FILE).read_text() == f"{os.getpid()}\n"
    assert (tmp_path / LOCK_FILE).stat().st_mode & 0o777 == 0o600
    lock.release()


def test_a_released_lock_can_be_taken_again(tmp_path):
    lock = DirectoryLock.acquire(tmp_path)
    lock.release()
    lock.release()
    assert (tmp_path / LOCK_FILE).read_text() == ""
    DirectoryLock.acquire(tmp_path).release()


def test_a_lock_held_by_another_process_is_refused_and_names_it(tmp_path, holder):
    with pytest.raises(DirectoryLockedError, match=rf"in use by process {holder.pid}\..*cuelight down") as caught:
        DirectoryLock.acquire(tmp_path)
    assert caught.value.details == {"pid": holder.pid}
    assert (tmp_path / LOCK_FILE).read_text() == f"{holder.pid}\n"


def test_a_lock_ends_with_its_process_however_that_dies(tmp_path, holder):
    holder.kill()
    holder.wait()
    DirectoryLock.acquire(tmp_path).release()


def test_a_holder_that_did_not_write_its_number_is_another_process(tmp_path):
    lock = DirectoryLock.acquire(tmp_path)
    (tmp_path / LOCK_FILE).write_text("")
    with pytest.raises(DirectoryLockedError, match="in use by another process") as caught:
        DirectoryLock.acquire(tmp_path)
    assert caught.value.details == {}
    lock.release()


def test_a_lock_file_that_cannot_be_opened_is_told(tmp_path):
    with pytest.raises(StorageError, match="lock cannot be opened for writing: No such file"):
        DirectoryLock.acquire(tmp_path / "missing")


def test_a_lock_file_that_cannot_be_written_is_told(tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        with pytest.raises(StorageError, match="lock cannot be opened for writing: File too large"):
            DirectoryLock.acquire(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    DirectoryLock.acquire(tmp_path).release()


def test_a_link_in_place_of_the_lock_file_is_not_followed(tmp_path):
    (tmp_path / "elsewhere").write_text("precious")
    (tmp_path / LOCK_FILE).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StorageError, match="cannot be opened"):
        DirectoryLock.acquire(tmp_path)
    assert (tmp_path / "elsewhere").read_text() == "precious"


def test_a_child_process_does_not_inherit_the_lock(tmp_path):
    lock = DirectoryLock.acquire(tmp_path)
    with _start(BYSTANDER):
        lock.release()
        DirectoryLock.acquire(tmp_path).release()
