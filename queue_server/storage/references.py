"""Which artifacts the stored data refer to: every id that stands anywhere in the text of a row.

It looks at all tables, whatever they mean, so that a new one cannot be forgotten. It changes nothing.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from queue_server.clock import Clock
from queue_server.protocol.errors import StorageError
from queue_server.storage.database import Database
from queue_server.storage.integrity import open_reader
from queue_server.storage.sql import Row

ROWS_AT_ONCE = 500
# The names in them come from the schema, and from nowhere else.
_WHOLE = "SELECT {line} FROM {table}"
_PART = "SELECT rowid, {line} FROM {table} WHERE rowid > ? ORDER BY rowid LIMIT ?"
_ID = re.compile(rb"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_TABLES = "SELECT name, sql LIKE '%WITHOUT ROWID%' FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"


class References:
    """Collects the ids of all artifacts that a database refers to, in a thread that takes at most half of the time."""

    def __init__(self, file: Path, clock: Clock) -> None:
        self._file = file
        self._clock = clock
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Let a search that is under way end with an error."""
        self._stopping.set()

    def find(self) -> set[str]:
        """Return the ids.

        Raises:
            StorageError: the database cannot be read, or the search was stopped.
        """
        found: set[str] = set()
        for table, has_no_rowid in self._tables():
            # Table by table: the log cannot be cut back as long as somebody reads an old state.
            with closing(open_reader(self._file)) as database:
                for text in self._texts(database, table, is_whole=bool(has_no_rowid)):
                    found.update(identity.decode() for identity in _ID.findall(text))
        return found

    def _tables(self) -> list[tuple[str, int]]:
        with closing(open_reader(self._file)) as database:
            return [(row[0], row[1]) for row in database.rows(_TABLES)]

    def _texts(self, database: Database, table: str, *, is_whole: bool) -> Iterator[bytes]:
        columns = [row[1] for row in database.rows(f"PRAGMA table_info('{table}')") if row[2] in ("TEXT", "BLOB")]
        if not columns:
            return
        # As bytes: some columns hold such, digests for instance, which are no text.
        joined = " || ' ' || ".join(f"coalesce(CAST({column} AS TEXT), '')" for column in columns)
        line = f"CAST({joined} AS BLOB)"
        if is_whole:
            text = _WHOLE.format(line=line, table=table)
            yield from (row[0] for row in database.rows(text))
            return
        text, key = _PART.format(line=line, table=table), -(1 << 63)
        while rows := self._read(database, text, key):
            yield from (row[1] for row in rows)
            key = rows[-1][0]

    def _read(self, database: Database, text: str, key: int) -> list[Row]:
        """Return rows behind a key, after as long a pause as it took to read them."""
        began_s = self._clock.monotonic()
        rows = database.rows(text, (key, ROWS_AT_ONCE))
        if self._stopping.wait(self._clock.monotonic() - began_s):
            raise StorageError("The search for references was stopped.")
        return rows
