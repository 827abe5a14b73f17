"""When a backup is made: only if anything has changed, and never put off for ever."""

from __future__ import annotations

import asyncio
import os

from queue_server.clock import SystemClock
from queue_server.storage.backup import list_backups
from queue_server.storage.schedule import BackupSchedule
from tests.doubles.stored_items import add_item


def _schedule(store, file, backups, clock=None, interval_s=300):
    return BackupSchedule(file, backups, lambda: store.commits, clock or SystemClock(), interval_s=interval_s, keep=4)


async def test_a_backup_is_made_only_if_something_has_changed(store, file, backups):
    schedule = _schedule(store, file, backups)
    assert await schedule.make_if_due() is not None
    await store.transact(lambda tx: tx.queue("default"))
    assert await schedule.make_if_due() is None
    await store.transact(add_item("a"))
    assert await schedule.make_if_due() is not None


async def test_a_backup_that_fails_is_logged_and_tried_again(store, file, backups, caplog):
    schedule = _schedule(store, file, backups)
    backups.write_text("in the way")
    assert await schedule.make_if_due() is None
    assert "no new backup" in caplog.text
    backups.unlink()
    assert await schedule.make_if_due() is not None


async def test_the_first_backup_is_made_when_the_newest_is_old_enough(store, file, backups):
    """Not after a whole interval: a manager that is restarted often would never come to it."""
    made_at = file.parent / "instance"
    os.utime(made_at, (made_at.stat().st_mtime - 4000,) * 2)
    running = asyncio.create_task(_schedule(store, file, backups, interval_s=3600).run())
    while not list_backups(backups):
        await asyncio.wait({running}, timeout=0.05)
    running.cancel()
    await asyncio.wait({running})
