"""What finds artifacts: made from what is stored already, kept by the schema itself, and looked up in indexes."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

from queue_server.storage.artifact_rows import LIST_NAMES, LIST_OF_ARTIFACT, LIST_OF_SUBMISSION
from queue_server.storage.checksums import row_sum
from queue_server.storage.migrate import read_migrations

BEFORE = 10
SHA256 = "0" * 64
ARTIFACT = {"id": SHA256, "size_bytes": 5, "content_type": "text/csv", "created": 3.0}
FILE = {
    "id": "r" * 32,
    "name": "a.csv",
    "artifact_id": SHA256,
    "size_bytes": 5,
    "content_type": "text/csv",
    "created": 3.0,
}
RESULT = json.dumps({"artifacts": [{"name": "a.csv", "artifact": ARTIFACT}]})
FILES = json.dumps({"files": [FILE]})
GROUP_FILE = ("f" * 32, 1, "g", "mask.npy", SHA256, 5, "text/csv", 2.0)


@pytest.fixture
def old():
    """A database of the schema before, in which everything names an artifact."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as database:
        database.execute("PRAGMA foreign_keys = ON")
        database.execute("PRAGMA recursive_triggers = ON")
        database.create_function("row_sum", -1, row_sum)
        for migration in read_migrations()[:BEFORE]:
            database.executescript(migration.script)
        fill(database)
        yield database


def fill(database):
    """Write a row of everything that names artifacts."""
    item = "INSERT INTO items VALUES (?, 'a', ?, 'finished', NULL, 1, '', '{}', ?, ?, 0)"
    database.execute(item, ("i1", "s1", 1, RESULT))
    database.execute(item, ("i2", "s2", 2, "damaged"))
    database.execute(
        "INSERT INTO submissions VALUES (1, 's1', 'a', '', 0, NULL, 0, NULL, NULL, 0, NULL, '', 'waiting', '{}', 0)"
    )
    database.execute("INSERT INTO results VALUES ('s1', 1, 'i1', 'completed', 1, 2, ?, 0)", (FILES,))
    database.execute("INSERT INTO workflows VALUES (1, 'w', 1, '[]', NULL, 0)")
    database.execute("INSERT INTO workflow_groups VALUES (1, 'g', 'w', 'G', 'me', '[]', 0, '{}', 0)")
    identity, place, group, *rest = GROUP_FILE
    values = (place, identity, group, *rest, row_sum("workflow_files", *GROUP_FILE))
    database.execute("INSERT INTO workflow_files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
    damaged = (2, "d" * 32, group, *rest, 5)
    database.execute("INSERT INTO workflow_files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", damaged)


@pytest.fixture
def database(old):
    """The same database after the upgrade."""
    for migration in read_migrations()[BEFORE:]:
        old.executescript(migration.script)
    return old


def kinds(database):
    """Return what names artifacts."""
    return [row[0] for row in database.execute("SELECT kind FROM artifact_names ORDER BY kind")]


def test_an_upgrade_finds_what_is_stored_already_and_passes_over_what_is_damaged(database):
    assert kinds(database) == ["group", "group", "item", "result"]
    listed = database.execute(LIST_OF_ARTIFACT, (2**62, 9, SHA256)).fetchall()
    # What a result names is not named by the history as well.
    assert sorted(row[1] for row in listed) == ["group", "group", "result"]


def test_an_upgrade_keeps_files_of_groups_and_makes_no_damaged_one_look_right(database):
    rows = database.execute("SELECT * FROM files ORDER BY place").fetchall()
    place, identity, group, submission, *rest = rows[0]
    assert (identity, place, group, *rest[:-1]) == GROUP_FILE
    assert submission is None
    sums = [row_sum("files", row[1], row[0], *row[2:-1]) for row in rows]
    assert sums[0] == rows[0][-1]
    assert rows[1][-1] == 0 != sums[1]


def test_what_goes_takes_its_names_along(database):
    database.execute("DELETE FROM submissions")
    assert kinds(database) == ["group", "group", "item"]
    database.execute("DELETE FROM items")
    assert kinds(database) == ["group", "group"]
    database.execute("DELETE FROM workflow_groups")
    assert kinds(database) == []


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM names_of_files WHERE file = ?",
        "SELECT * FROM names_of_results WHERE owner = ? AND attempt = ?",
        "SELECT * FROM names_of_items WHERE owner = ?",
        "SELECT * FROM names_of_exams WHERE owner = ?",
        "DELETE FROM artifact_names WHERE artifact_id = ? AND file = ?",
        "DELETE FROM artifact_names WHERE owner = ? AND kind = 'result' AND attempt = ?",
        LIST_OF_ARTIFACT,
        LIST_OF_SUBMISSION,
        LIST_NAMES,
    ],
)
def test_nothing_goes_through_all_rows(database, statement):
    empty = (None,) * (max(statement.count("?"), 3) if "?3" in statement else statement.count("?"))
    plan = [row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {statement}", empty)]
    assert not any(step.startswith("SCAN") and not step.startswith("SCAN entry") for step in plan), plan
    assert not any("TEMP B-TREE" in step for step in plan), plan
