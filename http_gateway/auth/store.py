"""The account database: opens it, brings it to its present form, and runs work on it in a few threads.

What is read and written stands in people, sessions and api_keys; this module knows no account.
"""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from http_gateway.auth.settings import DatabaseSettings
from queue_server.protocol.errors import ParameterError, StorageError

DATABASE_FILE = "accounts.sqlite"
NEWEST_STEP = "0002"
"""The last of the steps in migrations."""

_STEPS_TABLE = "alembic_version"
_BUSY_S = 5
# Any number that no other program uses for its lock on the same PostgreSQL database.
_MIGRATION_LOCK = 7_203_651
_PREFIX = "postgresql+psycopg"

T = TypeVar("T")
Work = Callable[[Connection], T]


class AccountStore:
    """Runs functions in transactions, off the event loop; ``threads`` of them at once."""

    def __init__(self, engine: Engine, threads: int) -> None:
        self._engine = engine
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="accounts")

    async def read(self, work: Work[T]) -> T:
        """Return what ``work`` returns for a connection in a transaction that only reads.

        Raises:
            StorageError: the database cannot be used.
        """
        return await asyncio.get_running_loop().run_in_executor(self._threads, self.run, work, False)

    async def write(self, work: Work[T]) -> T:
        """Return what ``work`` returns; its changes are committed, or all undone if it raises.

        Raises:
            StorageError: the database cannot be used.
        """
        return await asyncio.get_running_loop().run_in_executor(self._threads, self.run, work, True)

    def run(self, work: Work[T], writes: bool = True) -> T:
        """Do the same at once, for callers without an event loop."""
        with _translated(), self._engine.connect() as plain:
            connection = plain.execution_options(cuelight_writes=writes)
            with connection.begin():
                return work(connection)

    def close(self) -> None:
        """Wait for what runs, and close all connections."""
        self._threads.shutdown()
        self._engine.dispose()


def open_store(settings: DatabaseSettings, directory: Path) -> AccountStore:
    """Open the database, make it if there is none, and bring it to its present form. Blocks.

    Raises:
        ParameterError: the address is malformed, or of a database that is not supported.
        StorageError: it cannot be reached, or a newer version has written it.
    """
    url = read_url(settings, directory)
    sqlite = url.get_backend_name() == "sqlite"
    if sqlite:
        _protect(url)
    with _translated():
        engine = create_engine(
            url,
            pool_size=settings.pool_size,
            max_overflow=0,
            pool_pre_ping=settings.pool_pre_ping,
            hide_parameters=True,
        )
        if sqlite:
            _prepare_sqlite(engine)
    store = AccountStore(engine, settings.pool_size)
    try:
        store.run(_bring_up_to_date)
    except StorageError:
        store.close()
        raise
    return store


def read_url(settings: DatabaseSettings, directory: Path) -> URL:
    """Return the address of the database.

    Raises:
        ParameterError: it is malformed, or of a database that is not supported.
    """
    if settings.uri is None:
        return URL.create("sqlite+pysqlite", database=str(directory / DATABASE_FILE))
    try:
        url = make_url(settings.uri.get_secret_value())
    except ArgumentError as error:
        raise ParameterError("The address of the account database is malformed.", field="database.uri") from error
    backend = url.get_backend_name()
    if backend == "sqlite":
        if url.database in (None, "", ":memory:"):
            raise ParameterError("The account database must be a file, not memory.", field="database.uri")
        # Asynchronous drivers stand in existing configurations; here the work runs in threads.
        return url.set(drivername="sqlite+pysqlite")
    if backend in ("postgresql", "postgres"):
        return url.set(drivername=_PREFIX)
    raise ParameterError(f"Accounts can be kept in SQLite or PostgreSQL, not in {backend!r}.", field="database.uri")


@contextmanager
def _translated() -> Generator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        # The text of the driver may show the address of the database.
        raise StorageError(f"The account database cannot be used ({type(error).__name__}).") from error
    except ImportError as error:
        raise StorageError("PostgreSQL needs the extra 'postgresql': pip install 'cuelight[postgresql]'.") from error


def _protect(url: URL) -> None:
    path = Path(str(url.database))
    try:
        # The files that SQLite puts beside it take over its mode.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        mode = path.stat().st_mode
    except OSError as error:
        raise StorageError(f"The account database {path} cannot be opened: {error.strerror}") from error
    if stat.S_IMODE(mode) & 0o077:
        raise StorageError(f"The account database {path} is open to others; do: chmod 600 {path}")


def _prepare_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _: object) -> None:  # pyright: ignore[reportUnusedFunction]
        # Transactions are begun below, so that writers queue at their start instead of failing in the middle.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {_BUSY_S * 1000}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:  # pyright: ignore[reportUnusedFunction]
        writes = connection.get_execution_options().get("cuelight_writes", True)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _bring_up_to_date(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        # Of several gateways that start at once one changes the tables, the others wait.
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")
    if _last_step(connection) != NEWEST_STEP:
        # What makes the steps takes long to load, and a database is made or changed once.
        from http_gateway.auth.migration import migrate

        migrate(connection)


def _last_step(connection: Connection) -> str | None:
    if not inspect(connection).has_table(_STEPS_TABLE):
        return None
    return connection.exec_driver_sql(f"SELECT version_num FROM {_STEPS_TABLE}").scalar()  # noqa: S608 - a constant
