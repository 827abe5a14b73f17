"""The file of one run: whole lines only, a name that nobody else has, and a failed disk that is never forgotten."""

from __future__ import annotations

import errno
import os
import threading

import pytest

from device_worker.documents.run_record import Disk, RecordError, RunRecord, make_directory


class FaultyDisk:
    """A disk that takes so many bytes and then is full, and whose syncs fail where told so."""

    def __init__(self, room=10**9, syncs=()):
        self.room = room
        self.syncs = list(syncs)
        self.synced = 0

    def write(self, handle, data):
        if self.room <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        part = bytes(data)[: self.room]
        self.room -= len(part)
        return os.write(handle, part)

    def sync(self, handle):
        self.synced += 1
        if self.syncs and self.syncs.pop(0):
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    @property
    def calls(self):
        return Disk(self.write, self.sync)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "runs" / "2026-11" / "a.jsonl"


def test_lines_are_appended_to_a_file_for_this_user_alone(path):
    record = RunRecord(path)
    record.append(b"one\n")
    record.append(b"two\n")
    record.sync_name()
    record.close()
    record.close()
    assert path.read_bytes() == b"one\ntwo\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_what_is_there_is_never_written_over(path):
    RunRecord(path).close()
    with pytest.raises(FileExistsError):
        RunRecord(path)


def test_a_link_is_not_followed(path, tmp_path):
    make_directory(path.parent)
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileExistsError):
        RunRecord(path)
    assert not (tmp_path / "elsewhere").exists()


def test_in_a_directory_of_a_group_the_group_may_read(path):
    path.parents[1].mkdir()
    path.parents[1].chmod(0o2770)
    RunRecord(path).close()
    assert path.parent.stat().st_mode & 0o2070 == 0o2000 | (0o070 & ~_umask())
    assert path.stat().st_mode & 0o777 == 0o640 & ~_umask()


def _umask():
    previous = os.umask(0)
    os.umask(previous)
    return previous


def test_of_a_line_for_which_there_is_no_room_nothing_stays(path):
    disk = FaultyDisk(room=10)
    record = RunRecord(path, disk.calls)
    record.append(b"12345\n")
    with pytest.raises(RecordError, match=f"recorded in {path}: No space left on device"):
        record.append(b"67890\n")
    assert path.read_bytes() == b"12345\n"
    disk.room = 1000
    # The gap would not be seen.
    with pytest.raises(RecordError, match="No space left on device"):
        record.append(b"next\n")
    record.append_last(b"last\n")
    record.close()
    assert path.read_bytes() == b"12345\nlast\n"
    assert "No space left" in record.failure


def test_a_file_whose_last_line_cannot_be_taken_back_gets_no_other(path):
    disk = FaultyDisk(room=10)
    record = RunRecord(path, disk.calls)
    record.append(b"12345\n")
    with path.open("rb") as reading:
        record.close()
        # Now neither writing nor taking back is possible: the descriptor is another file.
        assert reading.read() == b"12345\n"
    with pytest.raises(RecordError):
        record.append(b"67890\n")
    with pytest.raises(RecordError):
        record.append_last(b"last\n")
    assert path.read_bytes() == b"12345\n"


def test_a_sync_that_has_failed_is_never_asked_again(path):
    disk = FaultyDisk(syncs=[True, False])
    record = RunRecord(path, disk.calls)
    record.append(b"one\n")
    with pytest.raises(RecordError, match=f"Documents in {path} may be lost: Input/output error"):
        record.sync()
    with pytest.raises(RecordError, match="may be lost"):
        record.append(b"two\n")
    record.close()
    assert path.read_bytes() == b"one\n"


def test_a_closed_record_is_not_synced(path):
    disk = FaultyDisk()
    record = RunRecord(path, disk.calls)
    record.close()
    record.sync()
    assert disk.synced == 0


def test_a_record_is_closed_only_when_nobody_waits_for_its_disk(path):
    entered, leave = threading.Event(), threading.Event()

    def wait(_):
        entered.set()
        assert leave.wait(30)

    record = RunRecord(path, Disk(sync=wait))
    syncing = threading.Thread(target=record.sync)
    syncing.start()
    assert entered.wait(30)
    closing = threading.Thread(target=record.close)
    closing.start()
    record.append(b"meanwhile\n")
    assert closing.is_alive()
    leave.set()
    for thread in (syncing, closing):
        thread.join(30)
        assert not thread.is_alive()
    assert path.read_bytes() == b"meanwhile\n"
