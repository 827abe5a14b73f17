"""What must hold of a database whatever happened before: checked with the stock SQLite library, not with ours."""

from __future__ import annotations

import sqlite3
from contextlib import closing

# Each statement finds rows that contradict a rule.
RULES = {
    "a queued item runs": """
        SELECT uid FROM items WHERE state IN ('queued', 'held')
        AND uid IN (SELECT item_uid FROM attempts WHERE phase <> 'finished')""",
    "an item runs without an open attempt": """
        SELECT uid FROM items WHERE state = 'running'
        AND uid NOT IN (SELECT item_uid FROM attempts WHERE phase <> 'finished')""",
    "a finished item has an open attempt": """
        SELECT uid FROM items WHERE state = 'finished'
        AND uid IN (SELECT item_uid FROM attempts WHERE phase <> 'finished')""",
    "a finished item has no attempt with an outcome": """
        SELECT uid FROM items WHERE state = 'finished'
        AND uid NOT IN (SELECT item_uid FROM attempts WHERE outcome IS NOT NULL AND item_uid IS NOT NULL)""",
    "the numbers of the history have gaps": """
        SELECT count(*) FROM items WHERE number IS NOT NULL
        HAVING count(*) <> coalesce(max(number) - min(number) + 1, 0)""",
    "an operation is missing from the log, or there twice": """
        SELECT seq FROM events WHERE seq <> json_extract(data, '$.number')
        OR seq > (SELECT count(*) FROM events)""",
    "a reply is missing, or there without its operation": """
        SELECT (SELECT count(*) FROM replies), (SELECT max(seq) FROM events) / 7
        WHERE (SELECT count(*) FROM replies) <> (SELECT coalesce(max(seq), 0) FROM events) / 7""",
}


def violations(database):
    """Return what is wrong with a database as sentences; an empty list if it is sound."""
    with closing(sqlite3.connect(database)) as connection:
        damage = [row for row in connection.execute("PRAGMA integrity_check") if row != ("ok",)]
        damage += connection.execute("PRAGMA foreign_key_check").fetchall()
        if connection.execute("SELECT count(*) FROM sqlite_schema").fetchone() == (0,):
            return [f"damaged: {damage}"] if damage else []
        broken = {rule: connection.execute(text).fetchall() for rule, text in RULES.items()}
    return [
        *(f"damaged: {row}" for row in damage),
        *(f"{rule}: {rows}" for rule, rows in broken.items() if rows),
    ]
