"""The account database: its file, its form, its transactions, and what is refused."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from pydantic import SecretStr
from sqlalchemy import insert, select

from http_gateway.auth.settings import DatabaseSettings
from http_gateway.auth.store import DATABASE_FILE, NEWEST_STEP, open_store, read_url
from http_gateway.auth.tables import METADATA, PRINCIPALS
from queue_server.protocol.errors import ParameterError, StorageError

ROW = {"uuid": "a" * 32, "type": "user", "created": 1.0}


def add(connection):
    connection.execute(insert(PRINCIPALS).values(**ROW))


def count(connection):
    return len(connection.execute(select(PRINCIPALS)).all())


def test_its_files_are_for_their_owner_alone(store, tmp_path):
    store.run(add)
    files = list(tmp_path.glob(f"{DATABASE_FILE}*"))
    assert len(files) > 1
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_the_tables_are_the_sum_of_the_migrations(store):
    assert store.run(lambda connection: compare_metadata(MigrationContext.configure(connection), METADATA)) == []


def test_the_newest_step_is_the_last_of_the_migrations():
    config = Config()
    config.set_main_option("script_location", str(files("http_gateway.auth") / "migrations"))
    assert ScriptDirectory.from_config(config).get_current_head() == NEWEST_STEP


def test_it_writes_ahead_and_checks_references(store):
    assert store.run(lambda c: c.exec_driver_sql("PRAGMA journal_mode").scalar(), False) == "wal"
    assert store.run(lambda c: c.exec_driver_sql("PRAGMA foreign_keys").scalar(), False) == 1


async def test_what_fails_changes_nothing(store):
    def fail(connection):
        add(connection)
        raise ValueError("half-way")

    with pytest.raises(ValueError, match="half-way"):
        await store.write(fail)
    assert await store.read(count) == 0
    await store.write(add)
    assert await store.read(count) == 1


async def test_an_error_of_the_database_does_not_show_values(store):
    await store.write(add)
    with pytest.raises(StorageError) as failed:
        await store.write(add)
    assert ROW["uuid"] not in str(failed.value) + str(failed.value.__cause__)


def test_several_gateways_can_start_at_once(tmp_path):
    with ThreadPoolExecutor(4) as threads:
        stores = list(threads.map(lambda _: open_store(DatabaseSettings(), tmp_path), range(4)))
    stores[0].run(add)
    assert [store.run(count, False) for store in stores] == [1] * 4
    for store in stores:
        store.close()


def test_it_opens_again_with_what_it_holds(store, tmp_path):
    store.run(add)
    again = open_store(DatabaseSettings(), tmp_path)
    assert again.run(count) == 1
    again.close()


def test_a_newer_form_is_refused(store, tmp_path):
    store.run(lambda connection: connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StorageError, match="another version"):
        open_store(DatabaseSettings(), tmp_path)


def test_a_file_that_is_no_database_is_refused(tmp_path):
    (tmp_path / DATABASE_FILE).write_text("nothing of the kind, but long enough to be looked at " * 9)
    (tmp_path / DATABASE_FILE).chmod(0o600)
    with pytest.raises(StorageError, match="cannot be used"):
        open_store(DatabaseSettings(), tmp_path)


def test_a_directory_that_is_missing_is_refused(tmp_path):
    with pytest.raises(StorageError, match="cannot be opened"):
        open_store(DatabaseSettings(), tmp_path / "missing")


@pytest.mark.parametrize(
    ("uri", "driver"),
    [
        ("sqlite:///x.db", "sqlite+pysqlite"),
        ("sqlite+aiosqlite:///x.db", "sqlite+pysqlite"),
        ("postgresql://u:marked@h/d", "postgresql+psycopg"),
        ("postgresql+asyncpg://u:marked@h/d", "postgresql+psycopg"),
    ],
)
def test_addresses_of_existing_configurations_are_understood(uri, driver, tmp_path):
    settings = DatabaseSettings(uri=uri)
    assert read_url(settings, tmp_path).drivername == driver
    assert "marked" not in repr(settings)


@pytest.mark.parametrize("uri", ["", "marked", "mysql://u:marked@h/d", "sqlite://", "sqlite:///:memory:"])
def test_other_addresses_are_refused_without_being_shown(uri, tmp_path):
    with pytest.raises(ParameterError) as refused:
        read_url(DatabaseSettings(uri=uri), tmp_path)
    assert "marked" not in str(refused.value)


def test_a_postgresql_that_does_not_answer_is_told_without_its_address(tmp_path):
    uri = "postgresql://user:marked@127.0.0.1:1/nothing"
    with pytest.raises(StorageError) as refused:
        open_store(DatabaseSettings(uri=SecretStr(uri)), tmp_path)
    assert "marked" not in str(refused.value)
