"""When a backup is made: only if anything has changed, and never put off for ever."""

from __future__ import annotations

import asyncio
import os

import pytest

from queue_server.clock import Chance, ManualClock, SystemClock
from queue_server.protocol.items import BACK, Item
from queue_server.storage.backup import DIRECTORY, list_backups
from queue_server.storage.directory import DATABASE_FILE
from queue_server.storage.schedule import BackupSchedule
from queue_server.storage.sqlite import open_sqlite


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def file(data):
    return data / DATABASE_FILE


@pytest.fixture
def backups(data):
    return data / DIRECTORY


@pytest.fixture
def reopen(data):
    def start(directory=data, seed=3):
        return open_sqlite(directory, clock=ManualClock(), chance=Chance.seeded(seed))

    return start


@pytest.fixture
async def store(reopen):
    opened = reopen()
    yield opened
    await opened.close()


def _add(uid):
    return lambda tx: tx.insert([Item(uid, "default", f"s-{uid}", {"name": "count"})], BACK)


async def _uids(store):
    return [item.uid for item in await store.transact(lambda tx: tx.queue("default"))]


def _mode(path):
    return path.stat().st_mode & 0o777


def _schedule(store, file, backups, clock=None, interval_s=300):
    return BackupSchedule(file, backups, lambda: store.commits, clock or SystemClock(), interval_s=interval_s, keep=4)


async def test_a_backup_is_made_only_if_something_has_changed(store, file, backups):
    schedule = _schedule(store, file, backups)
    assert await schedule.make_if_due() is not None
    await store.transact(lambda tx: tx.queue("default"))
    assert await schedule.make_if_due() is None
    await store.transact(_add("a"))
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
