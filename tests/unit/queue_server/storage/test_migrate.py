"""Migrations: in order, each as a whole, never backwards."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing

import pytest

from queue_server.clock import Chance, ManualClock
from queue_server.protocol.errors import StorageError
from queue_server.storage.checksums import row_sum
from queue_server.storage.database import connect
from queue_server.storage.migrate import Migration, migrate, read_migrations, schema_version
from queue_server.storage.sqlite import open_sqlite

FIRST = Migration(1, "0001_first", "CREATE TABLE a (x);")
SECOND = Migration(2, "0002_second", "ALTER TABLE a ADD COLUMN y; CREATE INDEX a_y ON a (y);")
BROKEN = Migration(2, "0002_broken", "CREATE TABLE b (x); CREATE TABLE a (x);")


@pytest.fixture
def database(tmp_path):
    (tmp_path / "m.sqlite").touch()
    opened = connect(tmp_path / "m.sqlite", None)
    yield opened
    opened.close()


@pytest.fixture
def file(database, tmp_path):
    return tmp_path / "m.sqlite"


def _schema(file):
    with closing(sqlite3.connect(file)) as stock:
        return stock.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name").fetchall()


def _names(file):
    return [name for _, name, _, _ in _schema(file)]


def test_missing_migrations_are_applied_once_and_in_order(database, file):
    assert schema_version(database) == 0
    assert migrate(database, [FIRST]) == 1
    assert migrate(database, [FIRST, SECOND]) == 1
    assert migrate(database, [FIRST, SECOND]) == 0
    assert schema_version(database) == 2
    database.close()
    assert _names(file) == ["a", "a_y"]


def test_a_migration_that_fails_is_undone_and_those_before_stand(database, file):
    with pytest.raises(StorageError, match="table a already exists"):
        migrate(database, [FIRST, BROKEN])
    database.close()
    assert _names(file) == ["a"]
    again = connect(file, None)
    assert schema_version(again) == 1
    assert migrate(again, [FIRST, SECOND]) == 1
    again.close()


def test_a_newer_schema_is_refused_and_left(database):
    migrate(database, [FIRST, SECOND])
    with pytest.raises(StorageError, match=r"version 2.*up to 1.*newer release"):
        migrate(database, [FIRST])
    assert schema_version(database) == 2


def test_the_migrations_of_a_release_are_numbered_without_gaps():
    assert [migration.number for migration in read_migrations()] == list(range(1, len(read_migrations()) + 1))
    assert read_migrations()[0].name == "0001_queue"


@pytest.mark.parametrize(
    "names", [["0002_a.sql"], ["0001_a.sql", "0003_b.sql"], ["0001-a.sql"], ["1_a.sql"], ["0001_A.sql"]]
)
def test_other_names_are_refused(names, tmp_path):
    for name in names:
        (tmp_path / name).write_text("SELECT 1;")
    with pytest.raises(ValueError, match="should be named"):
        read_migrations(tmp_path)


def test_the_schema_is_the_sum_of_the_migrations(database, file, tmp_path):
    """One by one, by the stock library, and when a store is created they lead to the same schema."""
    migrations = read_migrations()
    for number in range(1, len(migrations) + 1):
        migrate(database, migrations[:number])
    database.close()
    with closing(sqlite3.connect(tmp_path / "stock.sqlite")) as stock:
        stock.create_function("row_sum", -1, row_sum)
        for migration in migrations:
            stock.executescript(migration.script)
    created = open_sqlite(tmp_path / "data", clock=ManualClock(), chance=Chance.seeded(1))
    asyncio.run(created.close())
    assert _schema(file) == _schema(tmp_path / "stock.sqlite") == _schema(tmp_path / "data" / "queue.sqlite")
