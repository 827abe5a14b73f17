"""A history as long as that of years, written at once instead of item by item."""

from __future__ import annotations

from pathlib import Path

from queue_server.storage.database import Database, connect

_NUMBERS = """
WITH RECURSIVE entries (number, uid) AS (
    SELECT ?1, printf('history-%08d', ?1)
    UNION ALL SELECT number + 1, printf('history-%08d', number + 1) FROM entries WHERE number < ?2
)
"""
_CONTENT = """
json_object('item_type', 'plan', 'name', 'count', 'args', json_array(json_array('det1', 'det2')), 'item_uid', uid,
    'user', 'Somebody', 'user_group', 'primary', 'meta', json_object('number', number, 'sample', printf('%.100c', 'x')))
"""
_RESULT = """
json_object('exit_status', 'completed', 'run_uids', json_array(uid), 'scan_ids', json_array(number),
    'time_start', number + 0.5, 'time_stop', number + 1.0, 'msg', '', 'traceback', '')
"""
_STATEMENTS = (
    f"""{_NUMBERS}, filled (number, uid, content, result) AS (SELECT number, uid, {_CONTENT}, {_RESULT} FROM entries)
    INSERT INTO items (uid, lane, submission, state, attempt, reason, content, number, result, checksum)
    SELECT uid, 'default', uid, 'finished', 1, '', content, number, result,
        row_sum('items', uid, 'default', uid, 'finished', NULL, 1, '', content, number, result) FROM filled
    """,
    f"""{_NUMBERS}
    INSERT INTO attempts (submission, number, item_uid, lane, epoch, phase, outcome, time_start, checksum)
    SELECT uid, 1, uid, 'default', 1, 'finished', 'completed', number + 0.5,
        row_sum('attempts', uid, 1, uid, 'default', 1, 'finished', 'completed', number + 0.5) FROM entries
    """,
    f"""{_NUMBERS}
    INSERT INTO runs (place, submission, attempt, uid, scan_id, is_open, exit_status, checksum)
    SELECT number, uid, 1, uid, number, 0, 'success', row_sum('runs', number, uid, 1, uid, number, 0, 'success')
    FROM entries
    """,
    f"""{_NUMBERS}
    INSERT INTO history_index (number, name, user, outcome) SELECT number, 'count', 'Somebody', 'completed' FROM entries
    """,
)
_COUNT = """
UPDATE meta SET finished = ?1, checksum = next_sum('meta', checksum,
    instance, created, epoch, opened, finished, instance, created, epoch, opened, ?1)
"""
_AT_ONCE = 20_000


def write_history(file: Path, entries: int) -> None:
    """Give a database without history one of so many entries, each with an attempt and a run."""
    database = connect(file, None)
    try:
        for first in range(1, entries + 1, _AT_ONCE):
            last = min(first + _AT_ONCE - 1, entries)
            database.begin()
            for text in _STATEMENTS:
                database.rows(text, (first, last))
            database.rows(_COUNT, (last,))
            database.commit()
            database.checkpoint()
    finally:
        _close(database)


def _close(database: Database) -> None:
    database.rows("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
