"""Numbered migrations: the schema is their sum, and there is no other. They only go forward."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from queue_server.failpoints import declare
from queue_server.protocol.errors import StorageError
from queue_server.storage.database import Database

declare("store.before_migration", "store.after_migration")

SQLITE_MIGRATIONS = Path(__file__).parent / "migrations" / "sqlite"
_FILE_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")


class Migration(Struct, frozen=True):
    """One step of the schema: from the version before its number to its number."""

    number: int
    name: str
    script: str


def read_migrations(directory: Path = SQLITE_MIGRATIONS) -> list[Migration]:
    """Return the migrations of a directory in order.

    Raises:
        ValueError: a file has another form of name, or the numbers are not 1, 2, 3 and so on.
    """
    found: list[Migration] = []
    for number, file in enumerate(sorted(directory.glob("*.sql")), 1):
        match = _FILE_NAME.fullmatch(file.name)
        if match is None or int(match[1]) != number:
            raise ValueError(f"{file.name} should be named {number:04d}_something.sql")
        found.append(Migration(number, file.stem, file.read_text(encoding="utf-8")))
    return found


def schema_version(database: Database) -> int:
    """Return the number of the last migration that was applied, 0 if none was."""
    [(version,)] = database.rows("PRAGMA user_version")
    return version


def check_version(version: int, migrations: Sequence[Migration]) -> None:
    """Refuse a schema that these migrations do not lead to.

    Raises:
        StorageError: a newer release has written it.
    """
    if version > len(migrations):
        raise StorageError(
            f"The data have schema version {version}, and this release knows only versions up to {len(migrations)}. "
            "Start the newer release of Cuelight, or restore a backup that was made before the upgrade."
        )


def migrate(database: Database, migrations: Sequence[Migration]) -> int:
    """Apply the migrations that are missing, each in a transaction of its own; return how many there were.

    Raises:
        StorageError: the schema is newer than these migrations, or one of them failed; those before it stand.
    """
    version = schema_version(database)
    check_version(version, migrations)
    missing = migrations[version:]
    for migration in missing:
        _apply(database, migration)
    return len(missing)


def _apply(database: Database, migration: Migration) -> None:
    database.pass_point("store.before_migration")
    database.begin()
    try:
        database.rows(migration.script)
        database.rows(f"PRAGMA user_version = {migration.number}")
        database.commit()
    except BaseException:
        database.rollback()
        raise
    database.pass_point("store.after_migration")
