"""The checksum of every row: how it is computed, kept right when a row changes, and compared when a row is read.

The statements call these functions from inside SQLite, so that no row is written without a checksum or read without a
look at it. Where many rows are read they are compared behind the statement, and rows that every change adds (items,
events, edits) are summed before it: a call from inside costs as much as the sum. It opens no database. What a row means
is told by the order of its columns in the statements.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from zlib import adler32, crc32

import orjson

from queue_server.protocol.errors import CuelightError, StorageError

_HALF = 1 << 63

DATABASE_FILE = "queue.sqlite"

EXAM_TABLES = ("exams", "exam_workflows", "exam_tasks", "exam_results", "exam_sequences", "exam_sequence_files")
WORKFLOW_TABLES = (
    "workflows",
    "workflow_versions",
    "workflow_groups",
    "files",
    "workflow_postprocessing",
)
FOLLOWED_TABLES = ("submissions", "results", "batches", "answers")
RECORDS = frozenset(
    {"events", "edits", "history", "devices", "recordings", *FOLLOWED_TABLES, *WORKFLOW_TABLES, *EXAM_TABLES}
)
"""Tables whose rows only tell what has been: a damaged one is refused to its reader, and everything else goes on."""

_KEY_LENGTHS = {"attempts": 2, "results": 2, "runs": 4}


class DamagedRowError(StorageError):
    """A row of the database does not say any more what was written into it."""

    code = "storage_damaged"


class DamagedRecordError(CuelightError):
    """An entry of the history or of the event log does not say any more what was written into it."""

    code = "storage_damaged"
    http_status = 503
    exit_code = 5


Declare = Callable[[str, Callable[..., Any]], None]


def row_sum(table: str, *values: object) -> int:
    """Return the checksum of a row, as a signed integer of 8 bytes; ``values`` are its columns, the key in front."""
    # Two sums of different kinds cost a third of a digest; the first alone finds any change of up to 32 bits in a row.
    text = orjson.dumps((table, values), default=bytes.hex)
    return (crc32(text) << 32 | adler32(text)) - _HALF


class Checksums:
    """The functions that statements use, for one database file.

    ``row_sum(table, values...)`` is for a new row. ``next_sum(table, checksum, old values..., new values...)`` is for a
    changed one: damage that is there already must not be made to look right. ``sound(value, table, checksum,
    values...)`` returns ``value`` if the row is as it was written.
    """

    def __init__(self, file: str) -> None:
        self._file = file

    def declare(self, declare: Declare) -> None:
        """Make the functions known to a connection."""
        declare("row_sum", row_sum)
        declare("next_sum", self.next_sum)
        declare("sound", self.sound)

    def next_sum(self, table: str, checksum: int, *values: object) -> int:
        """Return the checksum of a changed row.

        Raises:
            DamagedRowError: the row was damaged before.
        """
        half = len(values) // 2
        self.sound(None, table, checksum, *values[:half])
        return row_sum(table, *values[half:])

    def sound(self, value: object, table: str, checksum: int, *values: object) -> object:
        """Return ``value``.

        Raises:
            DamagedRowError: the row is not as it was written.
            DamagedRecordError: the same, where nothing else depends on the row.
        """
        if row_sum(_summed_as(table), *values) != checksum:
            raise self._damaged(table, values)
        return value

    def require_sound(self, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Compare whole rows, each with its checksum as the last value: half the price of ``sound`` in the statement.

        Raises:
            DamagedRowError: a row is not as it was written.
            DamagedRecordError: the same, where nothing else depends on the row.
        """
        summed_as = _summed_as(table)
        for row in rows:
            if row_sum(summed_as, *row[:-1]) != row[-1]:
                raise self._damaged(table, row[:-1])

    def _damaged(self, table: str, values: tuple[object, ...]) -> CuelightError:
        key = [str(value) for value in values[: _KEY_LENGTHS.get(table, 1)]]
        kind = DamagedRecordError if table in RECORDS else DamagedRowError
        stored = "items" if table == "history" else table
        return kind(
            f"The row {' / '.join(key)} of table {stored} in {self._file} is damaged: its checksum does not match. "
            f"{restore_hint(self._file)}",
            details={"table": stored, "row": key, "file": self._file},
        )


def _summed_as(table: str) -> str:
    # The history is a part of the table of items, and its rows are summed as what they are.
    return "items" if table == "history" else table


def restore_hint(file: str) -> str:
    """Return what to do about a damaged database or backup."""
    directory, _, name = file.rpartition("/")
    if name != DATABASE_FILE:
        return "Restore a backup, or choose another one if it is a backup itself."
    return f"Restore a backup while no manager runs: cuelight restore --data {directory or '.'}"
