"""Records are waited for soon after they were written to, once for many lines, and by nobody else."""

from __future__ import annotations

import errno
import logging
import threading

import pytest

from device_worker.documents.run_record import Disk, RecordError, RunRecord
from device_worker.documents.sync import Syncer

PATIENCE_S = 30


class CountedDisk:
    """A disk that counts how often somebody has waited for it."""

    def __init__(self, error=None):
        self._changed = threading.Condition()
        self._error = error
        self.synced = 0

    def sync(self, _):
        with self._changed:
            self.synced += 1
            self._changed.notify_all()
        if self._error is not None:
            raise self._error

    def await_syncs(self, count):
        with self._changed:
            assert self._changed.wait_for(lambda: self.synced >= count, PATIENCE_S)


@pytest.fixture
def syncer():
    syncer = Syncer(each_s=0.01)
    syncer.start()
    yield syncer
    syncer.close()


def make_record(tmp_path, disk):
    return RunRecord(tmp_path / "a.jsonl", Disk(sync=disk.sync))


def test_a_record_is_waited_for_after_each_time_that_it_was_written_to(syncer, tmp_path):
    disk = CountedDisk()
    record = make_record(tmp_path, disk)
    for count in (1, 2, 3):
        record.append(b"line\n")
        syncer.note(record)
        disk.await_syncs(count)
    record.close()


def test_many_lines_are_waited_for_at_once(tmp_path):
    disk = CountedDisk()
    record = make_record(tmp_path, disk)
    syncer = Syncer(each_s=0.01)
    for _ in range(1000):
        record.append(b"line\n")
        syncer.note(record)
    syncer.start()
    disk.await_syncs(1)
    syncer.close()
    record.close()
    assert disk.synced == 1


def test_a_disk_that_fails_is_told_and_the_next_line_is_refused(syncer, tmp_path, caplog):
    disk = CountedDisk(OSError(errno.EIO, "Input/output error"))
    record = make_record(tmp_path, disk)
    record.append(b"line\n")
    with caplog.at_level(logging.ERROR):
        syncer.note(record)
        disk.await_syncs(1)
        syncer.close()
    assert "may be lost: Input/output error" in caplog.text
    with pytest.raises(RecordError, match="may be lost"):
        record.append(b"next\n")
    record.close()


def test_a_record_that_was_closed_meanwhile_is_passed_over(syncer, tmp_path):
    disk, other = CountedDisk(), CountedDisk()
    record = make_record(tmp_path, disk)
    record.append(b"line\n")
    record.close()
    syncer.note(record)
    later = RunRecord(tmp_path / "b.jsonl", Disk(sync=other.sync))
    later.append(b"line\n")
    syncer.note(later)
    other.await_syncs(1)
    later.close()
    assert disk.synced == 0
