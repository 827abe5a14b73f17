"""The statements: found by name, each of them used, each of them understood by the database."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import apsw
import pytest

from queue_server.storage import sql
from queue_server.storage.database import declare_checksums
from queue_server.storage.migrate import read_migrations
from tests.cases import each

PACKAGE = Path(sql.__file__).parent


@pytest.fixture
def database():
    connection = apsw.Connection(":memory:")
    declare_checksums(connection, Path(":memory:"))
    for migration in read_migrations():
        connection.execute(migration.script)
    yield connection
    connection.close()


def _nothing_for(text):
    """No value for each parameter of a statement, whether these are numbered or not."""
    found = re.findall(r"\?(\d*)", text)
    return (None,) * max((int(number or len(found)) for number in found), default=0)


def _requested():
    """The names that the modules of the package ask for."""
    calls = [
        node
        for file in PACKAGE.glob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "statement"
    ]
    return {ast.literal_eval(call.args[0]) for call in calls}


def test_every_statement_is_used_and_every_used_one_exists():
    assert _requested() == sql.names()


@each("name", sorted(sql.names()))
def test_every_statement_fits_the_schema(name, database):
    text = sql.statement(name)
    assert not text.endswith(";")
    database.execute(f"EXPLAIN {text}", _nothing_for(text)).fetchall()


def test_no_statement_writes_a_row_without_its_checksum():
    """The mark of an orderly end is not summed, and what finds entries of the history and rankings only finds.

    What every change adds comes with its checksum.
    """
    writes = {name: text for name in sql.names() if (text := sql.statement(name)).startswith(("INSERT", "UPDATE"))}
    assert len(writes) > 15
    without = {name for name, text in writes.items() if not re.search(r"\b(row_sum|next_sum)\(", text)}
    given = {name for name in without if "checksum" in writes[name]}
    assert given == {"insert_items", "insert_event", "insert_edit"}
    assert without - given <= {"mark_closed", "insert_history_index", "change_history_index", "insert_ranks"}
    unsafe = {name for name, text in writes.items() if text.startswith("UPDATE") and "next_sum(" not in text}
    assert unsafe == {"mark_closed", "change_history_index"}


@pytest.mark.parametrize(
    "name",
    [
        "select_queue",
        "select_from_front",
        "select_positions_at",
        "select_position_before",
        "select_position_after",
        "count_queue",
        "count_before",
        "clear_queue",
    ],
)
def test_a_queue_is_read_in_order_from_its_index(name, database):
    text = sql.statement(name)
    plan = " ".join(row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {text}", _nothing_for(text)))
    assert "INDEX items_in_order" in plan
    assert "TEMP B-TREE" not in plan


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("select_history", "items_in_history"),
        ("trim_history", "items_in_history"),
        ("select_newest_trimmed", "items_in_history"),
        ("select_open_in_lane", "attempts_one_open"),
        ("select_next_number", "PRIMARY KEY"),
        ("select_events", "INTEGER PRIMARY KEY"),
    ],
)
def test_nothing_that_grows_is_searched_as_a_whole(name, index, database):
    text = sql.statement(name)
    plan = " ".join(row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {text}", _nothing_for(text)))
    assert index in plan
    assert "TEMP B-TREE" not in plan


@pytest.mark.parametrize("name", ["select_living", "find_completed"])
def test_a_submission_is_followed_by_its_own_rows(name, database):
    text = sql.statement(name)
    plan = [row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {text}", _nothing_for(text))]
    assert plan[0] == "SEARCH items USING INDEX items_of_submission (submission=?)"
    assert not any(step.startswith("SCAN") for step in plan)


def test_a_statement_has_a_name_and_a_purpose(tmp_path):
    text = "-- A file.\n\n-- first: do this,\n-- and that.\nSELECT\n  1;\n\n-- second: do more.\nSELECT 2; -- why\n"
    (tmp_path / "a.sql").write_text(text)
    assert sql.read_statements(tmp_path) == {"first": "SELECT\n  1", "second": "SELECT 2; -- why"}


def test_a_name_that_stands_twice_is_refused(tmp_path):
    for name in ("a.sql", "b.sql"):
        (tmp_path / name).write_text("-- first: do this.\nSELECT 1;\n")
    with pytest.raises(ValueError, match="another statement named first"):
        sql.read_statements(tmp_path)


def test_a_file_without_a_named_statement_is_refused(tmp_path):
    (tmp_path / "a.sql").write_text("SELECT 1;\n")
    with pytest.raises(ValueError, match=r"a\.sql has no statement"):
        sql.read_statements(tmp_path)


def test_an_unknown_statement_is_an_error_where_it_is_asked_for():
    with pytest.raises(KeyError):
        sql.statement("no_such_statement")
