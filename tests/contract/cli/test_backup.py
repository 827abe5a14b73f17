"""The verbs on stored data, on a real data directory: what they print, and their exit codes."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing

import pytest

from queue_server.cli.main import run
from queue_server.clock import Chance, ManualClock
from queue_server.protocol.items import BACK, Item
from queue_server.storage.directory import DATABASE_FILE
from queue_server.storage.sqlite import open_sqlite


@pytest.fixture
def data(tmp_path):
    """A data directory with one item, whose manager has ended."""

    async def use():
        store = _open(tmp_path / "data")
        await store.transact(lambda tx: tx.insert([Item("a", "default", "s", {"name": "count"})], BACK))
        await store.close()

    asyncio.run(use())
    return tmp_path / "data"


def _open(directory):
    return open_sqlite(directory, clock=ManualClock(), chance=Chance.seeded(3))


def _damage(data):
    with closing(sqlite3.connect(data / DATABASE_FILE, isolation_level=None)) as stock:
        stock.execute("UPDATE items SET content = '{}'")


def test_a_backup_is_made_the_damage_told_and_the_backup_restored(data, capsys):
    assert run(["backup", "--data", str(data)]) == 0
    assert run(["verify", "--data", str(data)]) == 0
    assert "is sound: instance" in capsys.readouterr().err
    _damage(data)
    assert run(["verify", "--data", str(data), "--json"]) == 5
    told = capsys.readouterr()
    assert json.loads(told.out)["sound"] is False
    assert "row a of table items" in told.err
    assert f"cuelight restore --data {data}" in told.err
    assert run(["backup", "--data", str(data)]) == 5
    assert run(["restore", "--data", str(data)]) == 0
    assert f"What was there is kept in {data / 'damaged-1'}" in capsys.readouterr().err
    assert run(["verify", "--data", str(data)]) == 0


def test_a_restoration_is_refused_while_a_manager_runs(data, capsys):
    assert run(["backup", "--data", str(data)]) == 0
    store = _open(data)
    assert run(["verify", "--data", str(data)]) == 0
    assert run(["restore", "--data", str(data), "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "wrong_state"
    asyncio.run(store.close())


def test_queue_and_history_go_from_one_directory_to_another(data, tmp_path, capsys):
    file = tmp_path / "x.jsonl"
    assert run(["export", str(file), "--data", str(data)]) == 0
    assert run(["import", str(file), "--data", str(data)]) == 1
    assert "Line 2, field 'uid': Item a exists already" in capsys.readouterr().err
    assert run(["import", str(file), "--data", str(data), "--new-uids", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["queued"] == 1
    assert run(["import", str(file), "--data", str(tmp_path / "none")]) == 2
    assert not (tmp_path / "none").exists()


def test_a_directory_without_data_is_told(tmp_path, capsys):
    for verb in ("backup", "verify"):
        assert run([verb, "--data", str(tmp_path / "none")]) == 2
        assert "does not exist" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
