"""Errors of the disk under the store: a full disk can be waited for, a failed sync ends everything."""

from __future__ import annotations

import errno

import apsw
import pytest

from queue_server.clock import Chance, ManualClock
from queue_server.protocol.errors import StorageError, StorageFullError
from queue_server.protocol.items import BACK, Item
from queue_server.storage.directory import DATABASE_FILE
from queue_server.storage.sqlite import open_sqlite
from tests.faults.vfs import RecordingVfs

LOG_FILE = f"{DATABASE_FILE}-wal"
SPILL_BYTES = 24 * 1024 * 1024
CHECKPOINT_BYTES = 5 * 1024 * 1024


def _failed_sync():
    return apsw.exception_for(apsw.SQLITE_IOERR_FSYNC)


def _full():
    return apsw.exception_for(apsw.SQLITE_FULL)


@pytest.fixture
def vfs():
    return RecordingVfs("failing")


@pytest.fixture
def reopen(tmp_path):
    """Open the directory, through the recording file system or without it."""

    def start(vfs=None):
        return open_sqlite(tmp_path / "data", clock=ManualClock(), chance=Chance.seeded(1), vfs=vfs)

    return start


@pytest.fixture
async def store(vfs, reopen):
    opened = reopen("failing")
    await opened.transact(_add("first"))
    yield opened
    await opened.close()


def _add(uid):
    return lambda tx: tx.insert([Item(uid, "default", uid, {"name": "count"})], BACK)


async def _uids(store):
    return [item.uid for item in await store.transact(lambda tx: tx.queue("default"))]


def _count_syncs(vfs):
    return sum(getattr(entry, "what", "") == "sync tried" for entry in vfs.log)


async def test_after_a_failed_sync_nothing_is_acknowledged_and_no_sync_is_tried_again(vfs, store, reopen):
    vfs.fail("xSync", LOG_FILE, _failed_sync)
    with pytest.raises(StorageError, match="Check the disk"):
        await store.transact(_add("second"))
    vfs.failures.clear()
    tried = _count_syncs(vfs)
    for work in (_add("third"), lambda tx: tx.count_queue("default")):
        with pytest.raises(StorageError, match="Check the disk"):
            await store.transact(work)
    await store.close()
    assert _count_syncs(vfs) == tried
    again = reopen()
    # The second was not acknowledged, so that it may be there or not.
    assert await _uids(again) in (["first"], ["first", "second"])
    await again.close()


async def test_each_error_of_a_dead_store_is_its_own_and_names_the_first(vfs, store):
    vfs.fail("xSync", LOG_FILE, _failed_sync)
    met = []
    for uid in ("second", "third", "fourth"):
        with pytest.raises(StorageError) as caught:
            await store.transact(_add(uid))
        met.append(caught.value)
    assert len({id(error) for error in met}) == len(met)
    assert len({str(error) for error in met}) == 1
    assert isinstance(met[0].__cause__, apsw.IOError)
    assert met[1].__cause__ is met[0]


async def test_a_full_disk_changes_nothing_and_can_be_waited_for(vfs, store):
    vfs.fail("xWrite", LOG_FILE, _full)
    for _ in range(3):
        with pytest.raises(StorageFullError, match="free some"):
            await store.transact(_add("second"))
        assert await _uids(store) == ["first"]
    vfs.failures.clear()
    await store.transact(_add("second"))
    assert await _uids(store) == ["first", "second"]


async def test_a_transaction_on_a_full_disk_fails_even_if_the_work_goes_on(vfs, store):
    """SQLite undoes all of it at once; what follows would otherwise be committed alone."""
    vfs.fail("xWrite", LOG_FILE, _full)

    def work(tx):
        _add("second")(tx)
        with pytest.raises(StorageFullError), tx.savepoint():
            tx.save("large", bytes(SPILL_BYTES))
            _add("third")(tx)
        with pytest.raises(StorageFullError):
            _add("fourth")(tx)

    with pytest.raises(StorageFullError):
        await store.transact(work)
    vfs.failures.clear()
    assert await _uids(store) == ["first"]


async def test_a_checkpoint_that_fails_to_sync_ends_the_store_and_loses_nothing(vfs, store, reopen):
    vfs.fail("xSync", DATABASE_FILE, _failed_sync)
    await store.transact(lambda tx: tx.save("large", bytes(CHECKPOINT_BYTES)))
    with pytest.raises(StorageError, match="Check the disk"):
        await store.transact(_add("second"))
    await store.close()
    vfs.failures.clear()
    again = reopen()
    assert len(await again.transact(lambda tx: tx.load("large"))) == CHECKPOINT_BYTES
    assert await _uids(again) == ["first"]
    await again.close()


async def test_a_checkpoint_on_a_full_disk_is_made_up_for_later(vfs, store, tmp_path):
    vfs.fail("xWrite", DATABASE_FILE, _full)
    for number in range(3):
        await store.transact(lambda tx, number=number: tx.save(f"large-{number}", bytes(CHECKPOINT_BYTES)))
    assert await _uids(store) == ["first"]
    assert (tmp_path / "data" / DATABASE_FILE).stat().st_size < CHECKPOINT_BYTES
    vfs.failures.clear()
    await store.transact(_add("second"))
    await store.transact(_add("third"))
    assert (tmp_path / "data" / DATABASE_FILE).stat().st_size > 3 * CHECKPOINT_BYTES


async def test_an_error_of_the_operating_system_ends_the_store_as_well(vfs, store):
    """Outside of a transaction a full disk is no different, because nobody knows what was changed."""
    vfs.fail("xSync", DATABASE_FILE, lambda: OSError(errno.ENOSPC, "no space"))
    await store.transact(lambda tx: tx.save("large", bytes(CHECKPOINT_BYTES)))
    with pytest.raises(StorageError, match="Check the disk"):
        await store.transact(_add("second"))


async def test_a_failed_sync_while_opening_is_told_and_nothing_is_lost(vfs, store, reopen):
    await store.close()
    vfs.fail("xSync", LOG_FILE, _failed_sync)
    with pytest.raises(StorageError, match="Check the disk"):
        reopen("failing")
    vfs.failures.clear()
    again = reopen("failing")
    assert await _uids(again) == ["first"]
    await again.close()


async def test_the_log_stays_small_while_changes_are_many(store, tmp_path):
    for number in range(12):
        await store.transact(lambda tx, number=number: tx.save(f"large-{number % 3}", bytes(CHECKPOINT_BYTES)))
    assert (tmp_path / "data" / LOG_FILE).stat().st_size <= 16 * 1024 * 1024


CANNOT_CLOSE = {"log full": ("xWrite", LOG_FILE, _full), "sync failed": ("xSync", DATABASE_FILE, _failed_sync)}


@pytest.mark.parametrize("failure", CANNOT_CLOSE)
async def test_a_store_that_cannot_be_closed_in_order_leaves_its_log(failure, vfs, store, reopen, tmp_path):
    vfs.fail(*CANNOT_CLOSE[failure])
    await store.close()
    vfs.failures.clear()
    assert (tmp_path / "data" / LOG_FILE).stat().st_size > 0
    again = reopen()
    assert await _uids(again) == ["first"]
    await again.close()
