"""A backup in the place of a database: the original is kept, and what came later is gone without a trace."""

from __future__ import annotations

import shutil

import pytest

from queue_server.clock import ManualClock
from queue_server.protocol.errors import ConflictError, NotFoundError, StorageError
from queue_server.storage.backup import back_up, list_backups
from queue_server.storage.directory import DATABASE_FILE, DataDirectory
from queue_server.storage.restoration import EPOCHS_AHEAD, restore
from tests.doubles.stored_items import add_item, uids_in
from tests.faults.workload import snapshot


async def _used(reopen, file, backups):
    """Data with a backup of one item, and a second item that came later; return the instance."""
    store = reopen()
    await store.transact(add_item("a"))
    back_up(file, backups, keep=3)
    await store.transact(add_item("b"))
    await store.close()
    return store.instance_id


def _restore(data, source=None, **options):
    return restore(DataDirectory(data), source, clock=ManualClock(), **options)


async def test_the_newest_sound_backup_takes_the_place_and_the_original_is_kept(data, file, backups, reopen):
    instance = await _used(reopen, file, backups)
    before = file.read_bytes()
    done = _restore(data)
    assert done.kept is not None
    assert (done.kept / DATABASE_FILE).read_bytes() == before
    assert done.identity.instance_id == instance
    again = reopen()
    assert await uids_in(again) == ["a"]
    assert again.epoch == 1 + EPOCHS_AHEAD + 1
    await again.close()


async def test_a_damaged_backup_is_passed_over(data, file, backups, reopen):
    await _used(reopen, file, backups)
    content = bytearray(list_backups(backups)[0].read_bytes())
    content[len(content) // 2 : len(content) // 2 + 4096] = bytes(4096)
    (backups / "queue-00000009-000000000009-v04.sqlite").write_bytes(content)
    done = _restore(data)
    assert len(done.passed_over) == 1
    assert "queue-00000009" in done.passed_over[0]
    again = reopen()
    assert await uids_in(again) == ["a"]
    await again.close()


async def test_the_epoch_goes_beyond_that_of_the_database_that_is_replaced(data, file, backups, reopen):
    await _used(reopen, file, backups)
    for _ in range(3):
        await reopen().close()
    assert _restore(data).identity.epoch == 4 + EPOCHS_AHEAD


async def test_a_backup_of_another_instance_is_refused_unless_forced(data, file, backups, reopen, tmp_path):
    await _used(reopen, file, backups)
    other = reopen(tmp_path / "other", seed=9)
    await other.transact(add_item("theirs"))
    await other.close()
    before = file.read_bytes()
    foreign = tmp_path / "other" / DATABASE_FILE
    with pytest.raises(ConflictError, match=r"belongs to instance .* --force"):
        _restore(data, foreign)
    assert file.read_bytes() == before
    _restore(data, foreign, is_forced=True)
    again = reopen()
    assert (again.instance_id, await uids_in(again)) == (other.instance_id, ["theirs"])
    await again.close()


@pytest.mark.parametrize("lost", ["database", "marker", "everything"])
async def test_what_was_lost_is_restored(lost, data, file, backups, reopen):
    await _used(reopen, file, backups)
    if lost in ("database", "everything"):
        file.unlink()
    if lost in ("marker", "everything"):
        (data / "instance").unlink()
    done = _restore(data)
    assert (done.kept is None) == (lost != "marker")
    again = reopen()
    assert await uids_in(again) == ["a"]
    await again.close()


async def test_without_a_sound_backup_nothing_is_changed(data, file, backups, reopen):
    await _used(reopen, file, backups)
    before = file.read_bytes()
    for backup in list_backups(backups):
        backup.write_bytes(b"not a database")
    with pytest.raises(NotFoundError, match="no sound backup"):
        _restore(data)
    with pytest.raises(StorageError, match="cannot be restored"):
        _restore(data, next(iter(list_backups(backups))))
    shutil.rmtree(backups)
    with pytest.raises(NotFoundError, match="no sound backup"):
        _restore(data)
    assert file.read_bytes() == before


async def test_the_next_manager_is_told_that_the_data_have_gone_back(data, file, backups, reopen):
    await _used(reopen, file, backups)
    _restore(data)
    again = reopen()
    assert b'"restored"' in await again.transact(lambda tx: tx.load("offline_change"))
    assert (await again.transact(snapshot))["last_seq"] == 0
    await again.close()
