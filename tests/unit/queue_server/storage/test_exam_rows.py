"""Exam records on disk: the schema refuses illegal ones, checksums name damaged ones, and backups have them all."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from queue_server.clock import ManualClock, SystemClock
from queue_server.protocol.exam_records import Exam, ExamTask, ResultRecord, Sequence, SequenceFiles, TaskItem, Workflow
from queue_server.storage.backup import back_up
from queue_server.storage.checksums import EXAM_TABLES, DamagedRecordError
from queue_server.storage.database import declare_checksums
from queue_server.storage.directory import DataDirectory
from queue_server.storage.examination import Examination
from queue_server.storage.integrity import examine
from queue_server.storage.migrate import read_migrations
from queue_server.storage.restoration import restore
from tests.doubles.exam_records import exam, exam_task, identity, result, sequence, workflow
from tests.doubles.stored_items import add_item, uids_in

RECORDS = (
    exam("e"),
    workflow("w", of="e"),
    exam_task("t", of="w"),
    exam_task("busy", of="w", item=TaskItem("i", "running")),
    result("r", of="t"),
    exam("te", is_template=True),
    workflow("tw", of="te", is_template=True),
    exam_task("tt", of="tw", is_template=True),
    sequence("s"),
)


def fill(tx):
    """Write records of every kind."""
    for record in RECORDS:
        tx.add_exam_record(record)
    tx.add_sequence_files(identity("s"), SequenceFiles("seq", "<xml/>"))


@pytest.fixture
async def filled(store):
    """A store with exam records."""
    await store.transact(fill)
    return store


def change(file, *statements):
    """Change a database as no manager does, past its triggers."""
    with closing(sqlite3.connect(file, isolation_level=None)) as stock:
        for text in statements:
            stock.execute(text)


E, W, T, TE, TW, TT = (identity(name) for name in ("e", "w", "t", "te", "tw", "tt"))
NEXT = "version = version + 1"
ILLEGAL = {
    "an exam without a patient": f"UPDATE exams SET patient_id = NULL, {NEXT} WHERE id = '{E}'",
    "a template with a patient": f"UPDATE exams SET patient_id = 'p', {NEXT} WHERE id = '{TE}'",
    "an unknown status": f"UPDATE exams SET status = 'DONE', {NEXT} WHERE id = '{E}'",
    "a change without a version": f"UPDATE exams SET status = 'ERROR' WHERE id = '{E}'",
    "another id": f"UPDATE exams SET id = 'x', {NEXT} WHERE id = '{E}'",
    "another creator": f"UPDATE exams SET creator = 'x', {NEXT} WHERE id = '{E}'",
    "an instance that becomes a template": (
        f"UPDATE exams SET is_template = 1, patient_id = NULL, {NEXT} WHERE id = '{E}'"
    ),
    "a workflow of no exam": f"UPDATE exam_workflows SET exam_id = 'gone', {NEXT} WHERE id = '{W}'",
    "a workflow alone": f"UPDATE exam_workflows SET exam_id = NULL, {NEXT} WHERE id = '{W}'",
    "an instance in a template": f"UPDATE exam_workflows SET exam_id = '{TE}', {NEXT} WHERE id = '{W}'",
    "a template in an instance": f"UPDATE exam_workflows SET exam_id = '{E}', {NEXT} WHERE id = '{TW}'",
    "an exam task in a template": f"UPDATE exam_tasks SET workflow_id = '{TW}', {NEXT} WHERE id = '{T}'",
    "an exam task alone": f"UPDATE exam_tasks SET workflow_id = NULL, {NEXT} WHERE id = '{T}'",
    "progress beyond the end": f"UPDATE exam_tasks SET progress = 101, {NEXT} WHERE id = '{T}'",
    "another type": f"UPDATE exam_tasks SET task_type = 'DAG', {NEXT} WHERE id = '{T}'",
    "an item without a state": f"UPDATE exam_tasks SET item_uid = 'x', {NEXT} WHERE id = '{T}'",
    "an unknown state": f"UPDATE exam_tasks SET item_uid = 'x', item_state = 'lost', {NEXT} WHERE id = '{T}'",
    "a template with an item": f"UPDATE exam_tasks SET item_uid = 'x', item_state = 'held', {NEXT} WHERE id = '{TT}'",
    "an item of two exam tasks": f"UPDATE exam_tasks SET item_uid = 'i', item_state = 'held', {NEXT} WHERE id = '{T}'",
    "an exam task that goes while it is done": f"DELETE FROM exam_tasks WHERE id = '{identity('busy')}'",
    "an exam that goes while it is done": f"DELETE FROM exams WHERE id = '{E}'",
    "a result of a template": f"UPDATE exam_results SET task_id = '{TT}', {NEXT}",
    "a result of another exam task": f"UPDATE exam_results SET task_id = '{identity('busy')}', {NEXT}",
    "a result that is a template": f"UPDATE exam_results SET is_template = 1, {NEXT}",
    "another sequence under its id": f"UPDATE exam_sequences SET content = '{{}}', {NEXT}",
    "another file of a sequence": "UPDATE exam_sequence_files SET seq_file = 'x'",
    "files of no sequence": "INSERT INTO exam_sequence_files VALUES ('gone', '', NULL, 0)",
}


@pytest.mark.parametrize("what", ILLEGAL)
async def test_the_schema_refuses(what, filled, file):
    with closing(sqlite3.connect(file, isolation_level=None)) as stock:
        stock.execute("PRAGMA foreign_keys = ON")
        stock.execute("PRAGMA recursive_triggers = ON")
        with pytest.raises(sqlite3.IntegrityError):
            stock.execute(ILLEGAL[what])
    assert examine(file)[1] == []


READS = {
    "exams": (Exam, "e", "creator = 'bob'"),
    "exam_workflows": (Workflow, "w", "status = 'ERROR'"),
    "exam_tasks": (ExamTask, "t", "progress = 99"),
    "exam_results": (ResultRecord, "r", "type = 'MRD'"),
    "exam_sequences": (Sequence, "s", "content = '{}'"),
}


def damage(table):
    """Return statements that change a row of a table past its triggers, which are put back."""
    trigger = f"{table}_stay_as_written" if "sequence" in table else f"{table}_go_forward"
    [script] = [text for each in read_migrations() for text in [each.script] if f"TRIGGER {trigger} " in text]
    start = script.index(f"CREATE TRIGGER {trigger} ")
    text = script[start : script.index("END;", start) + 4]
    if table == "exam_sequence_files":
        changed = "UPDATE exam_sequence_files SET xml_file = NULL"
    else:
        _, name, values = READS[table]
        changed = f"UPDATE {table} SET {values} WHERE id = '{identity(name)}'"
    return f"DROP TRIGGER {trigger}", changed, text


@pytest.mark.parametrize("table", EXAM_TABLES)
async def test_a_damaged_record_is_named_by_every_examination(table, filled, file):
    change(file, *damage(table))
    [fault] = examine(file)[1]
    assert f"of table {table}" in fault
    examination = Examination(file, SystemClock(), larger_than=0)
    examination.begin()
    examination.wait()
    examination.stop()
    [found] = examination.faults
    assert f"of table {table}" in found


@pytest.mark.parametrize("table", READS)
async def test_a_damaged_record_is_refused_to_its_reader_alone(table, filled, file):
    kind, name, _ = READS[table]
    change(file, *damage(table))
    with pytest.raises(DamagedRecordError, match=f"of table {table}"):
        await filled.transact(lambda tx: tx.exam_record(kind, identity(name)))
    with pytest.raises(DamagedRecordError):
        of = {Workflow: E, ExamTask: W, ResultRecord: T}.get(kind)
        await filled.transact(lambda tx: tx.exam_records(kind, of=of, limit=10))
    await filled.transact(add_item("a"))
    assert await uids_in(filled) == ["a"]


async def test_damaged_files_and_states_are_refused_to_their_reader(filled, file):
    change(file, *damage("exam_sequence_files"))
    with pytest.raises(DamagedRecordError):
        await filled.transact(lambda tx: tx.sequence_files(identity("s")))
    change(file, *damage("exam_tasks"))
    for work in (
        lambda tx: tx.exam_task_states(Exam, E),
        lambda tx: tx.exam_task_states(Workflow, W),
        lambda tx: tx.remove_exam_record(Workflow, W),
    ):
        with pytest.raises(DamagedRecordError):
            await filled.transact(work)


async def test_records_come_back_with_a_backup_and_after_the_end_of_a_manager(filled, data, file, backups, reopen):
    back_up(file, backups, keep=1)
    await filled.transact(lambda tx: tx.remove_exam_record(Exam, identity("te")))
    await filled.close()
    again = reopen()
    assert await again.transact(lambda tx: tx.exam_record(Exam, TE)) is None
    await again.close()
    restore(DataDirectory(data), None, clock=ManualClock())
    again = reopen()
    for record in RECORDS:
        assert await again.transact(lambda tx, each=record: tx.exam_record(type(each), each.id)) == record
    assert await again.transact(lambda tx: tx.sequence_files(identity("s"))) == SequenceFiles("seq", "<xml/>")
    await again.close()


def test_the_tables_come_with_the_fifth_migration():
    before, exams = read_migrations()[:4], read_migrations()[4]
    connection = apsw.Connection(":memory:")
    declare_checksums(connection, Path(":memory:"))
    for migration in (*before, exams):
        connection.execute(migration.script)
    found = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    assert set(EXAM_TABLES) <= found
    connection.close()
