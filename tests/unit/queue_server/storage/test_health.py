from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from queue_server.clock import Chance, ManualClock
from queue_server.storage.backup import DIRECTORY, back_up
from queue_server.storage.health import describe
from queue_server.storage.sqlite import open_sqlite


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


async def _use(data):
    """Leave a directory in order, with no events."""
    clock = ManualClock(wall_offset_s=0.0)
    store = open_sqlite(data, clock=clock, chance=Chance.seeded(1))
    await store.close()


def _parts(data):
    return {part.pop("part"): part for part in describe(data)}


def _files(data):
    return {file.name: file.read_bytes() for file in data.rglob("*") if file.is_file()}


def test_a_directory_that_is_missing_is_described_and_not_made(data):
    parts = _parts(data)
    assert not data.exists()
    assert (parts["surroundings"]["is_used"], parts["surroundings"]["backups"]) == (False, 0)
    assert parts["data"] == {"identity": None, "faults": [], "is_there": False}
    assert "backup" not in parts


async def test_a_store_that_was_left_in_order_is_sound_and_nothing_is_changed(data):
    await _use(data)
    back_up(data / "queue.sqlite", data / DIRECTORY, keep=3)
    before = _files(data)
    parts = _parts(data)
    assert _files(data) == before
    assert parts["data"]["faults"] == parts["backup"]["faults"] == []
    assert parts["data"]["left_in_order"] is True
    assert parts["data"]["identity"] == parts["backup"]["identity"]
    assert parts["surroundings"]["backups"] == 1
    assert parts["surroundings"]["misfit"] is None


async def test_a_store_in_use_is_looked_at_beside_its_user(data):
    store = open_sqlite(data, clock=ManualClock(), chance=Chance.seeded(1))
    try:
        parts = _parts(data)
        assert parts["data"]["faults"] == []
        assert parts["data"]["left_in_order"] is False
    finally:
        await store.close()


async def test_a_damaged_store_and_a_lost_one_are_named(data):
    await _use(data)
    file = data / "queue.sqlite"
    file.write_bytes(file.read_bytes()[:5000])
    assert _parts(data)["data"]["faults"] != []
    file.write_bytes(b"no database at all")
    assert "is not a database" in _parts(data)["surroundings"]["misfit"]
    file.unlink()
    assert "is missing" in _parts(data)["surroundings"]["misfit"]


async def test_an_event_that_is_older_than_the_one_before_is_a_step_of_the_clock(data):
    await _use(data)
    with closing(sqlite3.connect(data / "queue.sqlite")) as database:
        columns = [row[1] for row in database.execute("PRAGMA table_info(events)")]
        for seq, time in enumerate((100.0, 200.0, 199.5, 50.0), 1):
            row = {"seq": seq, "kind": "test", "time": time} | {
                name: 0 if name in ("epoch", "attempt", "checksum") else "" for name in columns[3:]
            }
            marks = ", ".join("?" * len(row))
            database.execute(f"INSERT INTO events ({', '.join(row)}) VALUES ({marks})", tuple(row.values()))
        database.execute("PRAGMA journal_mode = DELETE")
        database.commit()
    seen = _parts(data)["data"]
    assert seen["steps"] == [[4, 50.0, 149.5]]
    assert seen["newest_event"] == 50.0
    assert any("row" in fault for fault in seen["faults"])
