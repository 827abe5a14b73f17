"""What is searched for is found by an index: nothing that grows is read as a whole, and nothing is sorted."""

from __future__ import annotations

import re
from pathlib import Path

import apsw
import pytest

from queue_server.storage import search_rows, sql
from queue_server.storage.database import declare_checksums
from queue_server.storage.migrate import read_migrations


@pytest.fixture
def database():
    connection = apsw.Connection(":memory:")
    declare_checksums(connection, Path(":memory:"))
    for migration in read_migrations():
        connection.execute(migration.script)
    yield connection
    connection.close()


def plan_of(database, text):
    values = (None,) * max((int(number or 0) for number in re.findall(r"\?(\d*)", text)), default=0)
    return [row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {text}", values or (None,) * text.count("?"))]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("find_history_of_name", "SEARCH history_index USING COVERING INDEX history_by_name (name=? AND number<?)"),
        ("find_history_of_user", "SEARCH history_index USING COVERING INDEX history_by_user (user=? AND number<?)"),
        (
            "find_history_of_outcome",
            "SEARCH history_index USING COVERING INDEX history_by_outcome (outcome=? AND number<?)",
        ),
        ("trim_history_index", "SEARCH history_index USING INTEGER PRIMARY KEY (rowid<?)"),
        ("find_events_forward", "SEARCH events USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"),
        ("find_events_backward", "SEARCH events USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"),
        ("find_edits", "SEARCH edits USING INTEGER PRIMARY KEY (rowid<?)"),
        ("select_undo", "SEARCH edits USING INTEGER PRIMARY KEY (rowid=?)"),
        ("select_uid_before", "SEARCH items USING INDEX items_in_order (lane=? AND position<?)"),
        ("select_uid_after", "SEARCH items USING INDEX items_in_order (lane=? AND position>?)"),
    ],
)
def test_a_search_goes_through_one_index_in_its_order(name, expected, database):
    assert plan_of(database, sql.statement(name)) == [expected]


def test_the_entry_that_an_index_names_is_read_by_its_number(database):
    [plan] = plan_of(database, sql.statement("select_history"))
    assert plan == "SEARCH items USING INDEX items_in_history (number<?)"


def test_every_condition_that_has_an_index_has_a_statement():
    assert set(search_rows.FIND_HISTORY) == {"name", "user", "outcome"}


def test_what_takes_edits_back_stays_as_it_was_written(database):
    database.execute(
        "INSERT INTO events (kind, time, epoch, lane, item_uid, submission, attempt, origin, data) "
        "VALUES ('k', 0, 1, '', '', '', 0, '', '{}')"
    )
    database.execute("INSERT INTO edits (seq, undo, checksum) VALUES (1, '{}', 0)")
    for change in ("UPDATE edits SET undo = 'x'", "DELETE FROM edits"):
        with pytest.raises(apsw.ConstraintError, match="append-only"):
            database.execute(change)
    with pytest.raises(apsw.ConstraintError):
        database.execute("INSERT INTO edits (seq, undo, checksum) VALUES (2, '', 0)")


def test_finished_items_from_before_the_index_are_found_after_the_migration():
    connection = apsw.Connection(":memory:")
    declare_checksums(connection, Path(":memory:"))
    *before, last = read_migrations()[:4]
    for migration in before:
        connection.execute(migration.script)
    assert last.name == "0004_event_log"
    content = '{"name": "count", "user": "anna"}'
    connection.execute(
        "INSERT INTO items (uid, lane, submission, state, attempt, reason, content, number, result) "
        "VALUES ('f', 'a', 's', 'finished', 1, '', ?, 7, ?), ('g', 'a', 't', 'finished', 1, '', '{}', 8, '{}')",
        (content, '{"exit_status": "failed"}'),
    )
    connection.execute(last.script)
    found = connection.execute("SELECT number, name, user, outcome FROM history_index ORDER BY number").fetchall()
    assert found == [(7, "count", "anna", "failed"), (8, "", "", "")]
    connection.close()
