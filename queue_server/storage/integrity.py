"""Whether a database is what was written: its identity, its schema, its pages, its indexes and every row.

It only reads. What to do about a fault is told in the words of the fault.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import apsw
from msgspec import Struct

from queue_server.protocol.errors import CuelightError, StorageError
from queue_server.storage.checksums import DamagedRecordError, DamagedRowError, restore_hint
from queue_server.storage.database import Database
from queue_server.storage.migrate import check_version, read_migrations, schema_version
from queue_server.storage.sql import statement

APPLICATION_ID = 0x4375654C

ALL_ROWS = -1
NEWEST_AT_START = 10_000
"""How many rows of each record are looked at before a manager serves; a reader and every backup look at the others."""

WHOLE_AT_START_BYTES = 16 * 1024 * 1024
"""Up to this size a start looks at all pages and indexes. Of a larger database it looks at what it reads; an
examination while the manager serves, and every backup, look at the rest."""

MOST_FAULTS = 5

SELECT_META = statement("select_meta")
LAST_SEQ = statement("last_seq")
COUNT_TABLES = statement("count_tables")

# Since which schema version there is something to check, and whether only the newest rows can be asked for.
_CHECKS = (
    (3, statement("check_meta"), False),
    (3, statement("check_items"), False),
    (3, statement("check_attempts"), False),
    (3, statement("check_documents"), False),
    (3, statement("check_tasks"), False),
    (3, statement("check_history"), True),
    (3, statement("check_runs"), True),
    (3, statement("check_events"), True),
    (3, statement("check_replies"), True),
    (4, statement("check_edits"), True),
    (5, statement("check_exams"), True),
    (5, statement("check_exam_workflows"), True),
    (5, statement("check_exam_tasks"), True),
    (5, statement("check_exam_results"), True),
    (5, statement("check_exam_sequences"), True),
    (5, statement("check_exam_sequence_files"), True),
    (6, statement("check_devices"), True),
    (7, statement("check_submissions"), True),
    (7, statement("check_results"), True),
    (8, statement("check_workflows"), True),
    (8, statement("check_workflow_versions"), True),
    (8, statement("check_workflow_groups"), True),
    (8, statement("check_workflow_postprocessing"), True),
    (9, statement("check_batches"), True),
    (9, statement("check_answers"), True),
    (10, statement("check_recordings"), True),
    (11, statement("check_files"), True),
)
# What a manager reads before it serves. Whatever is read later is compared with its checksum then.
_CHECKS_AT_START = (
    (3, statement("check_meta"), False),
    (3, statement("check_documents"), False),
    (3, statement("check_tasks"), False),
    (3, statement("check_queue"), False),
    (3, statement("check_running"), False),
    (3, statement("check_open_attempts"), False),
    (3, statement("check_history"), True),
    (3, statement("check_runs"), True),
    (3, statement("check_events"), True),
    (4, statement("check_edits"), True),
)
_NEWEST_OF_MANY = 1000
_SCHEMA = "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name"
_COMMENT = re.compile(r"--[^\n]*")


class Identity(Struct, frozen=True):
    """Whose data a database has, and how far they go."""

    instance_id: str
    epoch: int
    last_seq: int
    schema_version: int

    @property
    def progress(self) -> tuple[int, int]:
        """What is larger in the newer one of two databases of the same instance."""
        return self.epoch, self.last_seq


def open_reader(file: Path, vfs: str | None = None) -> Database:
    """Open a file for reading alone, beside whoever writes into it; nothing of it is changed, its log included.

    Raises:
        StorageError: there is no such file, or it cannot be read.
    """
    if not file.is_file():
        raise StorageError(f"There is no file {file}.")
    try:
        connection = apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READONLY, vfs=vfs)
    except apsw.Error as error:
        raise StorageError(f"{file} cannot be read: {error}.") from error
    database = Database(connection, file)
    database.keep_log()
    return database


def identify(database: Database, file: Path) -> Identity:
    """Return whose data a database has.

    Raises:
        StorageError: it is no database of Cuelight, names no instance, or a newer release has written it.
    """
    if database.rows("PRAGMA application_id") != [(APPLICATION_ID,)]:
        raise StorageError(f"{file} is not a database of Cuelight.")
    version = schema_version(database)
    check_version(version, read_migrations())
    found = database.row(SELECT_META) if version else None
    if found is None:
        raise StorageError(f"{file} does not say to which instance it belongs.")
    [(last_seq,)] = database.rows(LAST_SEQ)
    return Identity(found[0], found[1], last_seq, version)


def find_faults(database: Database, *, newest: int = ALL_ROWS) -> Iterator[str]:
    """Yield a sentence for each fault that is found, at most a few of each kind.

    Args:
        database: its schema is one that this release knows.
        newest: how many rows of each kind of record are looked at.
    """
    version = schema_version(database)
    yield from _find_in_schema(database, version)
    damage = [text for (text,) in database.rows(f"PRAGMA integrity_check({MOST_FAULTS})") if text != "ok"]
    yield from damage
    if not damage:
        yield from _find_in_rows(database, version, newest, _CHECKS)


def find_faults_at_start(database: Database) -> Iterator[str]:
    """Yield a sentence for each fault in what a manager needs to serve, in a time that does not grow with the history.

    Pages and rows that are not read for that are left to the examination that follows; see ``examination``.
    """
    version = schema_version(database)
    damage = list(_find_in_schema(database, version))
    yield from damage
    if not damage:
        yield from _find_in_rows(database, version, _NEWEST_OF_MANY, _CHECKS_AT_START)


def _find_in_rows(
    database: Database, version: int, newest: int, checks: tuple[tuple[int, str, bool], ...]
) -> Iterator[str]:
    for since, text, is_limited in checks:
        if version < since:
            continue
        try:
            database.rows(text, (newest,) if is_limited else ())
        except (DamagedRowError, DamagedRecordError) as error:
            yield error.message


def _find_in_schema(database: Database, version: int) -> Iterator[str]:
    expected = _expected_schema(version)
    found = {name: (kind, _plain(text)) for kind, name, text in database.rows(_SCHEMA)}
    for name in expected:
        if found.get(name) != expected[name]:
            yield f"the schema of {name} is not that of version {version}"


def _expected_schema(version: int) -> dict[str, tuple[str, str]]:
    connection = apsw.Connection(":memory:")
    model = Database(connection, Path(":memory:"))
    try:
        for migration in read_migrations()[:version]:
            model.rows(migration.script)
        return {name: (kind, _plain(text)) for kind, name, text in model.rows(_SCHEMA)}
    finally:
        model.close()


def _plain(text: str) -> str:
    return " ".join(_COMMENT.sub("", text).split())


def refuse_faults(file: Path, faults: list[str]) -> None:
    """Refuse a database in which something was found.

    Raises:
        StorageError: there are faults; it names them, and what to do.
    """
    if faults:
        found = "; ".join(fault.removesuffix(restore_hint(str(file))).strip() for fault in faults[:MOST_FAULTS])
        raise DamagedDatabaseError(f"{file} is damaged: {found.removesuffix('.')}. {restore_hint(str(file))}")


class DamagedDatabaseError(StorageError):
    """The database does not say any more what was written into it."""

    code = "storage_damaged"


def examine(file: Path, vfs: str | None = None) -> tuple[Identity | None, list[str]]:
    """Return whose data a file has, if that can be told, and every fault of it; change nothing."""
    identity: Identity | None = None
    try:
        database = open_reader(file, vfs)
    except StorageError as error:
        return None, [error.message]
    try:
        # One state of the data, whatever is written meanwhile.
        database.rows("BEGIN")
        identity = identify(database, file)
        return identity, list(find_faults(database))
    except CuelightError as error:
        return identity, [error.message]
    finally:
        database.close()
