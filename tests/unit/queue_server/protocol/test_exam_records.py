"""Exam records as values: their fields, how they are shown, and the status that exam tasks give to what has them."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from queue_server.protocol.errors import ParameterError
from queue_server.protocol.exam_fields import explain_fields, read_exam_task, read_fields
from queue_server.protocol.exam_records import (
    OWNED_STATES,
    AcquisitionFields,
    DagFields,
    ExamFields,
    ResultFields,
    SequenceFiles,
    TaskItem,
    derive_status,
    read_id,
)
from tests.doubles.exam_records import PATIENT, dag_fields, exam, exam_fields, exam_task, identity, scan_fields


@pytest.mark.parametrize("text", ["", "x", "{" + PATIENT + "}", PATIENT[:-1], PATIENT.replace("-", "")])
def test_an_id_is_a_uuid_with_hyphens(text):
    with pytest.raises(ValueError, match="UUID such as"):
        read_id(text)


def test_an_id_has_small_letters():
    assert read_id(PATIENT.upper()) == PATIENT


def test_records_and_their_fields_are_frozen():
    record, name = exam("e"), "version"
    with pytest.raises(AttributeError):
        setattr(record, name, 2)
    with pytest.raises(ValidationError):
        record.fields.name = "other"


def test_what_is_read_again_is_equal():
    for values in (scan_fields(calibration=["shims"]), dag_fields(parameter={"a": [1, None]})):
        fields = read_exam_task(values, "task")
        assert read_exam_task(fields.plain(), "task") == fields


def test_the_type_tells_which_fields_an_exam_task_has():
    assert isinstance(read_exam_task(scan_fields(), "task"), AcquisitionFields)
    assert isinstance(read_exam_task(dag_fields(), "task"), DagFields)
    with pytest.raises(ParameterError, match=r"'task\.task_type' must be one of 'ACQUISITION', 'DAG', not 'None'"):
        read_exam_task({}, "task")


def test_all_that_is_wrong_is_named_by_its_path():
    with pytest.raises(ParameterError) as caught:
        read_fields(ExamFields, {"name": 5, "patient_id": "x", "other": 1}, "exam")
    assert caught.value.field == "exam.patient_id"
    assert "'exam.patient_id': it must be a UUID" in caught.value.message
    assert "'exam.name': input should be a valid string" in caught.value.message
    assert "'exam.other': there is no such field" in caught.value.message


def test_a_long_list_of_faults_is_cut():
    with pytest.raises(ParameterError) as caught:
        read_fields(ExamFields, {f"x{number}": 1 for number in range(50)}, "exam")
    assert caught.value.message.count("there is no such field") < 6


@pytest.mark.parametrize("name", ["a", "a/b.mrd", "é 1.dcm", "..."])
def test_names_of_files_may_have_directories(name):
    assert read_fields(ResultFields, {"task_id": PATIENT, "files": [name]}, "result").files == [name]


@pytest.mark.parametrize("name", ["", "/a", "a/", "a//b", "./a", "a/..", "a\\..", "a\0", "a\x7f", "x" * 1_025])
def test_names_of_files_stay_below_their_directory(name):
    with pytest.raises(ParameterError, match=r"result\.files\.0"):
        read_fields(ResultFields, {"task_id": PATIENT, "files": [name]}, "result")


def test_times_are_shown_in_utc_with_their_offset():
    shown = exam("e", updated=1_700_000_060.25).shown()
    assert shown["datetime_created"] == "2023-11-14T22:13:20.500000+00:00"
    assert shown["datetime_updated"] == "2023-11-14T22:14:20.250000+00:00"


def test_an_exam_task_shows_its_item():
    shown = exam_task("t", of="w", item=TaskItem("i", "failed"), error_message="no coil").shown()
    assert (shown["item_uid"], shown["item_state"], shown["error_message"]) == ("i", "failed", "no coil")
    assert (shown["id"], shown["workflow_id"]) == (identity("t"), identity("w"))


@pytest.mark.parametrize("state", ["queued", "done", "uploading", "unknown"])
def test_the_queue_owns_an_exam_task_whose_item_has_not_ended(state):
    assert exam_task("t", of="w", item=TaskItem("i", state)).is_owned == (state in OWNED_STATES)
    assert not exam_task("t", of="w").is_owned


@pytest.mark.parametrize(
    ("own", "tasks", "shown"),
    [
        ("UPDATED", [], "UPDATED"),
        ("UPDATED", ["NEW", "UPDATED"], "UPDATED"),
        ("NEW", ["FINISHED", "STARTED", "ERROR"], "ERROR"),
        ("NEW", ["FINISHED", "STARTED"], "INPROGRESS"),
        ("NEW", ["INPROGRESS", "NEW"], "INPROGRESS"),
        ("NEW", ["FINISHED"], "FINISHED"),
        ("STARTED", ["FINISHED", "NEW"], "STARTED"),
        ("FINISHED", ["ERROR"], "ERROR"),
    ],
)
def test_the_status_follows_from_the_exam_tasks(own, tasks, shown):
    assert derive_status(own, tasks) == shown


def test_the_size_of_files_is_that_of_their_text_in_utf_8():
    assert SequenceFiles("é").size_bytes == 2
    assert SequenceFiles("é", "xml").size_bytes == 5


def test_the_documentation_names_every_field_once():
    text = explain_fields("task", AcquisitionFields, DagFields)
    names = {*AcquisitionFields.model_fields, *DagFields.model_fields}
    assert all(text.count(f"`{name}` (") == 1 for name in names)
    assert "`name` (name, required)" in text


def test_the_fields_of_an_exam_have_defaults():
    fields = read_fields(ExamFields, exam_fields(), "exam")
    assert (fields.status, fields.is_template, fields.description, fields.comment) == ("NEW", False, "", None)
