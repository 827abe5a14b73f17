from __future__ import annotations

import os
import socket

import pytest

from device_worker.compute.errors import StepForbidden
from device_worker.compute.output_files import write_output
from device_worker.compute.workplace import Workplace


@pytest.fixture
def place(tmp_path):
    return Workplace.create(tmp_path / "new" / "results")


def write(place, step, name, value):
    part = place.part(step)
    place.note_file(step, part, write_output(part, name, value, "result"))


def test_steps_that_run_are_known_by_process(place):
    with place.running(7), place.running(3):
        marks = place.forbid()
        assert [(mark.step, mark.pid) for mark in marks] == [(3, os.getpid()), (7, os.getpid())]


def test_a_step_that_has_ended_does_not_run(place):
    with pytest.raises(ZeroDivisionError), place.running(1):
        raise ZeroDivisionError
    with place.running(2):
        pass
    assert place.forbid() == []


def test_a_step_that_has_ended_with_a_value_leaves_a_trace(place):
    with place.running(12):
        pass
    with pytest.raises(ZeroDivisionError), place.running(1):
        raise ZeroDivisionError
    with place.running(2):
        assert [trace.step for trace in place.traces()] == [12]
    traces = place.traces()
    assert [(trace.step, trace.pid, trace.host) for trace in traces] == [
        (step, os.getpid(), socket.gethostname()) for step in (2, 12)
    ]
    assert all(0 <= trace.duration_s < 60 for trace in traces)


def test_a_step_that_ends_after_its_execution_leaves_no_trace(place):
    with place.running(3):
        place.forbid()
    assert place.traces() == []


def test_no_step_begins_after_it_was_forbidden(place):
    place.forbid()
    with pytest.raises(StepForbidden, match="step 4"), place.running(4):
        pass
    assert place.forbid() == []


def test_no_step_begins_where_nothing_is_left(place):
    place.remove()
    with pytest.raises(StepForbidden), place.running(4):
        pass


def test_complete_files_come_to_their_places_in_the_order_of_their_steps(place):
    write(place, 10, "z/last.txt", "3")
    write(place, 9, "first.txt", "1")
    incomplete = place.part(11)
    incomplete.write_text("half")
    entries = place.publish()
    place.remove()
    assert [entry.name for entry in entries] == ["first.txt", "z/last.txt"]
    found = sorted(str(path.relative_to(place.directory)) for path in place.directory.rglob("*") if path.is_file())
    assert found == ["first.txt", "z/last.txt"]
    assert not incomplete.exists()


def test_a_step_that_is_repeated_has_one_file(place):
    write(place, 1, "a.txt", "before its process died")
    write(place, 1, "a.txt", "afterwards")
    assert [entry.name for entry in place.publish()] == ["a.txt"]
    assert (place.directory / "a.txt").read_text() == "afterwards"


def test_a_step_that_ends_too_late_leaves_no_file(place):
    part = place.part(1)
    entry = write_output(part, "a.txt", "late", "result")
    place.publish()
    place.remove()
    with pytest.raises(FileNotFoundError):
        place.note_file(1, part, entry)
    assert list(place.directory.iterdir()) == []


def test_a_directory_with_other_files_is_refused(tmp_path):
    (tmp_path / "other").touch()
    with pytest.raises(FileExistsError, match="not empty"):
        Workplace.create(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["other"]


def test_what_executions_have_left_that_were_killed_is_swept_and_files_in_their_places_stay(tmp_path):
    killed = Workplace.create(tmp_path / "item.1")
    with killed.running(0):
        pass
    (killed.part(0)).write_text("half")
    (tmp_path / "item.2").mkdir()
    (tmp_path / "item.2" / "image.npy").write_text("whole")
    Workplace.sweep(tmp_path)
    assert list((tmp_path / "item.1").iterdir()) == []
    assert (tmp_path / "item.2" / "image.npy").read_text() == "whole"
    with pytest.raises(StepForbidden), killed.running(1):
        pass
