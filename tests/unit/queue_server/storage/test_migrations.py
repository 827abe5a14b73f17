"""The schema refuses an illegal state, whoever tries it: here the stock library does, without any code of ours."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from queue_server.storage.checksums import row_sum
from queue_server.storage.migrate import read_migrations

CONTENT = """
INSERT INTO meta VALUES (1, 'instance', 0, 3, 0, 0, 1, 0);
INSERT INTO items VALUES ('q1', 'a', 's1', 'queued', 10, 0, '', '{}', NULL, NULL, 0);
INSERT INTO items VALUES ('q2', 'a', 's2', 'held', 20, 0, 'why', '{}', NULL, NULL, 0);
INSERT INTO items VALUES ('r', 'a', 's3', 'running', NULL, 1, '', '{}', NULL, NULL, 0);
INSERT INTO items VALUES ('f', 'a', 's4', 'finished', NULL, 1, '', '{}', 1, '{}', 0);
INSERT INTO attempts VALUES ('s3', 1, 'r', 'a', 3, 'running', NULL, 0, 0);
INSERT INTO attempts VALUES ('s4', 1, 'f', 'a', 3, 'finished', 'completed', 0, 0);
INSERT INTO runs (submission, attempt, uid, is_open) VALUES ('s3', 1, 'z', 1);
INSERT INTO events (kind, time, epoch, lane, item_uid, submission, attempt, origin, data)
VALUES ('k', 0, 3, '', '', '', 0, '', '{}');
"""

ILLEGAL = {
    "a second running item in a lane": (
        "UPDATE items SET state = 'running', position = NULL, attempt = 1 WHERE uid = 'q1'"
    ),
    "two items at one place": "UPDATE items SET position = 20 WHERE uid = 'q1'",
    "a queued item without a place": "UPDATE items SET position = NULL WHERE uid = 'q1'",
    "a running item with a place": "UPDATE items SET position = 30 WHERE uid = 'r'",
    "an unknown state": "UPDATE items SET state = 'lost' WHERE uid = 'q1'",
    "a finished item that waits again": (
        "UPDATE items SET state = 'queued', position = 30, number = NULL, result = NULL WHERE uid = 'f'"
    ),
    "a running item that waits again": "UPDATE items SET state = 'queued', position = 30 WHERE uid = 'r'",
    "a finished item without a number": "UPDATE items SET state = 'finished', result = '{}' WHERE uid = 'r'",
    "a finished item without a result": "UPDATE items SET state = 'finished', number = 2 WHERE uid = 'r'",
    "a number of the history given twice": (
        "UPDATE items SET state = 'finished', number = 1, result = '{}' WHERE uid = 'r'"
    ),
    "an item that runs without having been claimed": (
        "INSERT INTO items VALUES ('x', 'b', 's', 'running', NULL, 0, '', '{}', NULL, NULL, 0)"
    ),
    "the same uid twice": "INSERT INTO items VALUES ('f', 'b', 's', 'queued', 1, 0, '', '{}', NULL, NULL, 0)",
    "an item without a uid": "INSERT INTO items VALUES ('', 'b', 's', 'queued', 1, 0, '', '{}', NULL, NULL, 0)",
    "a running item that is deleted": "DELETE FROM items WHERE uid = 'r'",
    "a second open attempt in a lane": (
        "INSERT INTO attempts VALUES ('s1', 1, 'q1', 'a', 3, 'dispatched', NULL, 0, 0)"
    ),
    "a second attempt at one item": "INSERT INTO attempts VALUES ('s4', 2, 'f', 'b', 3, 'dispatched', NULL, 0, 0)",
    "an attempt number given twice": "INSERT INTO attempts VALUES ('s3', 1, 'q1', 'b', 3, 'dispatched', NULL, 0, 0)",
    "an attempt at nothing": "INSERT INTO attempts VALUES ('s9', 1, 'gone', 'b', 3, 'dispatched', NULL, 0, 0)",
    "an open attempt with an outcome": "UPDATE attempts SET outcome = 'completed' WHERE submission = 's3'",
    "an ended attempt without an outcome": "UPDATE attempts SET phase = 'finished' WHERE submission = 's3'",
    "an unknown outcome": "UPDATE attempts SET phase = 'finished', outcome = 'fine' WHERE submission = 's3'",
    "an attempt that ends twice": "UPDATE attempts SET outcome = 'failed' WHERE submission = 's4'",
    "an attempt that is opened again": (
        "UPDATE attempts SET phase = 'running', outcome = NULL WHERE submission = 's4'"
    ),
    "a run of no attempt": "INSERT INTO runs (submission, attempt, uid, is_open) VALUES ('s9', 1, 'y', 1)",
    "a run recorded twice": "INSERT INTO runs (submission, attempt, uid, is_open) VALUES ('s3', 1, 'z', 1)",
    "an event that is changed": "UPDATE events SET kind = 'other'",
    "an event that is deleted": "DELETE FROM events",
    "an event that is replaced": "REPLACE INTO events SELECT * FROM events",
    "an epoch that goes back": "UPDATE meta SET epoch = 2",
    "a history number that goes back": "UPDATE meta SET finished = 0",
    "another instance": "UPDATE meta SET instance = 'other'",
    "a second instance": "INSERT INTO meta VALUES (2, 'other', 0, 0, 0, 0, 0, 0)",
    "text in place of a number": "UPDATE items SET position = 'first' WHERE uid = 'q1'",
}
TABLES = ("meta", "items", "attempts", "runs", "events")


@pytest.fixture
def database():
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA recursive_triggers = ON")
        connection.create_function("row_sum", -1, row_sum)
        for migration in read_migrations():
            connection.executescript(migration.script)
        connection.executescript(CONTENT)
        yield connection


def _rows(database):
    return {table: database.execute(f"SELECT * FROM {table}").fetchall() for table in TABLES}


@pytest.mark.parametrize("state", ILLEGAL)
def test_the_schema_refuses(state, database):
    before = _rows(database)
    with pytest.raises(sqlite3.IntegrityError):
        database.execute(ILLEGAL[state])
    assert _rows(database) == before


def test_the_schema_allows_an_item_to_finish(database):
    database.execute("UPDATE attempts SET phase = 'finished', outcome = 'failed' WHERE submission = 's3'")
    database.execute("UPDATE items SET state = 'finished', number = 2, result = '{}' WHERE uid = 'r'")


def test_an_attempt_outlives_the_row_of_its_item_and_takes_its_runs_along_when_it_goes(database):
    test_the_schema_allows_an_item_to_finish(database)
    database.execute("DELETE FROM items WHERE uid = 'r'")
    assert database.execute("SELECT item_uid FROM attempts WHERE submission = 's3'").fetchall() == [(None,)]
    assert database.execute("SELECT count(*) FROM runs").fetchone() == (1,)
    database.execute("DELETE FROM attempts WHERE submission = 's3'")
    assert database.execute("SELECT count(*) FROM runs").fetchone() == (0,)
