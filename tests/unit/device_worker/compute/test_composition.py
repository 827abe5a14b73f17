from __future__ import annotations

import pytest

from device_worker.compute import keep, node
from device_worker.compute.composition import MAX_FILES, MAX_STEPS, OutputFile, Pending, find_recorder, recording
from device_worker.compute.errors import GraphError


@node
def nothing():
    """Return nothing."""


@pytest.mark.parametrize(
    ("use", "word"),
    [(bool, "tested"), (list, "iterated over"), (len, "measured"), (lambda value: value[0], "indexed")],
)
def test_a_value_that_is_not_known_yet_cannot_be_used(use, word):
    with pytest.raises(GraphError, match=rf"value of 'coil\[2\]' is not known .* {word}"):
        use(Pending(5, "coil[2]"))


def test_nothing_is_recorded_outside_of_a_graph():
    with recording("g"):
        assert find_recorder() is not None
    assert find_recorder() is None


def test_the_recording_ends_when_the_graph_raises():
    with pytest.raises(ZeroDivisionError), recording("g"):
        raise ZeroDivisionError
    assert find_recorder() is None


def test_intermediate_files_come_with_the_results():
    with recording("g") as recorder:
        value = keep("middle.json", nothing())
        recorder.add_file("end.json", [value], "result")
    found = recorder.finish()
    assert found.files == (
        OutputFile("middle.json", Pending(0, "nothing"), "intermediate"),
        OutputFile("end.json", [Pending(0, "nothing")], "result"),
    )


def test_outside_of_a_graph_nothing_is_kept(tmp_path):
    assert keep("../no name at all", 3) == 3


def test_a_graph_without_files_is_refused():
    with recording("g") as recorder:
        nothing()
    with pytest.raises(GraphError, match="'g' has no files"):
        recorder.finish()


@pytest.mark.parametrize("names", [("a", "a"), ("../a",), ("a", "a/b"), ("a/b/c", "a/b")])
def test_files_that_cannot_lie_together_are_refused(names):
    with pytest.raises(GraphError, match=r"wrong name|two files|another below it"), recording("g") as recorder:
        for name in names:
            recorder.add_file(name, 1, "result")
        recorder.finish()


def test_the_number_of_calls_is_bounded():
    with recording("g"):
        for _ in range(MAX_STEPS):
            nothing()
        with pytest.raises(GraphError, match=f"more than {MAX_STEPS} times"):
            nothing()


def test_the_number_of_files_is_bounded():
    with recording("g") as recorder:
        for number in range(MAX_FILES):
            recorder.add_file(f"{number}.json", 1, "result")
        with pytest.raises(GraphError, match=f"more than {MAX_FILES} files"):
            recorder.add_file("last.json", 1, "result")
