"""The room that is kept for a full disk: taken, given up, and taken back when there is room again."""

from __future__ import annotations

import apsw
import pytest

from queue_server.clock import Chance, ManualClock
from queue_server.protocol.errors import StorageFullError
from queue_server.storage.ballast import FILE, SIZE_BYTES, Ballast
from queue_server.storage.directory import DATABASE_FILE
from queue_server.storage.sqlite import open_sqlite
from tests.faults.vfs import RecordingVfs

SMALL_BYTES = 65536
MORE_THAN_ANY_DISK = 1 << 60


def test_it_takes_16_mib_for_this_user_alone(tmp_path):
    Ballast(tmp_path).take()
    found = (tmp_path / FILE).stat()
    assert found.st_size == SIZE_BYTES == 16 * 1024 * 1024
    assert found.st_blocks * 512 >= SIZE_BYTES
    assert found.st_mode & 0o777 == 0o600


def test_it_is_given_up_and_taken_back(tmp_path):
    ballast = Ballast(tmp_path, SMALL_BYTES)
    ballast.take()
    ballast.release()
    ballast.release()
    assert ballast.is_released
    assert not (tmp_path / FILE).exists()
    assert ballast.take_back()
    assert not ballast.is_released
    assert (tmp_path / FILE).stat().st_size == SMALL_BYTES


def test_it_is_not_taken_back_while_there_is_no_room(tmp_path, caplog):
    ballast = Ballast(tmp_path, MORE_THAN_ANY_DISK)
    ballast.take()
    assert "No room is kept" in caplog.text
    assert not (tmp_path / FILE).exists()
    ballast.release()
    assert not ballast.take_back()
    assert ballast.is_released


async def test_a_store_gives_it_up_with_the_first_change_that_finds_the_disk_full(tmp_path):
    vfs = RecordingVfs("full")
    store = open_sqlite(tmp_path / "data", clock=ManualClock(), chance=Chance.seeded(1), vfs="full")
    ballast = Ballast(tmp_path / "data", SMALL_BYTES)
    store.attach(ballast)
    vfs.fail("xWrite", f"{DATABASE_FILE}-wal", lambda: apsw.exception_for(apsw.SQLITE_FULL))
    with pytest.raises(StorageFullError):
        await store.transact(lambda tx: tx.save("a", b"1"))
    assert ballast.is_released
    vfs.failures.clear()
    await store.transact(lambda tx: tx.save("a", b"2"))
    assert store.has_room()
    assert not ballast.is_released
    await store.close()
