"""The tables in memory: every change can be undone, in whatever order it came."""

from __future__ import annotations

from queue_server.storage.tables import Tables


def test_changes_are_undone_to_a_mark():
    tables = Tables()
    tables.put(tables.documents, "kept", b"1")
    tables.forget_changes()
    tables.put(tables.documents, "kept", b"2")
    mark = tables.mark()
    tables.put(tables.documents, "new", b"3")
    tables.drop(tables.documents, "kept")
    tables.put(tables.documents, "kept", b"4")
    tables.undo_to(mark)
    assert tables.documents == {"kept": b"2"}
    tables.undo_to(0)
    assert tables.documents == {"kept": b"1"}


def test_counters_count_from_one_and_are_undone():
    tables = Tables()
    assert [tables.count("history"), tables.count("history"), tables.count("other")] == [1, 2, 1]
    tables.undo_to(1)
    assert tables.count("history") == 2


def test_what_stands_cannot_be_undone():
    tables = Tables()
    tables.put(tables.documents, "a", b"1")
    tables.forget_changes()
    tables.undo_to(0)
    assert tables.documents == {"a": b"1"}
