"""What a DAG exam task hands to its graph: its own parameters, and the files of its input tasks in order."""

from __future__ import annotations

import pytest

from queue_server.handlers.exam_inputs import fill_inputs
from queue_server.protocol.errors import ParameterError

ONE = {"several": False}
MANY = {"several": True}
UIDS = ["a", "b", "c"]


def of(uid, **more):
    """Return what stands for a file of an item."""
    return {"item_uid": uid, **more}


@pytest.mark.parametrize(
    ("parameter", "inputs", "filled"),
    [
        ({}, {}, {}),
        ({}, {"x": ONE}, {"x": of("a")}),
        ({}, {"x": ONE, "y": ONE}, {"x": of("a"), "y": of("b")}),
        ({}, {"x": MANY}, {"x": [of("a"), of("b"), of("c")]}),
        ({}, {"x": ONE, "y": MANY, "z": ONE}, {"x": of("a"), "y": [of("b"), of("c")]}),
        ({"x": "0" * 64}, {"x": ONE, "y": ONE}, {"x": "0" * 64, "y": of("a")}),
        ({"x": {"input": 0}}, {"x": ONE, "y": ONE}, {"x": of("a"), "y": of("b")}),
        ({"y": {"input": 0, "file": "*.npy"}}, {"x": ONE, "y": ONE}, {"y": of("a", file="*.npy"), "x": of("b")}),
        (
            {"x": [{"input": 2}, {"input": 0, "file": "*"}, "0" * 64]},
            {"x": MANY, "y": ONE},
            {"x": [of("c"), of("a", file="*"), "0" * 64], "y": of("b")},
        ),
        ({"factor": {"input": 0}}, {}, {"factor": {"input": 0}}),
    ],
)
def test_inputs_that_are_left_out_take_the_files_of_the_tasks_in_order(parameter, inputs, filled):
    assert fill_inputs(parameter, inputs, UIDS) == filled


def test_without_input_tasks_nothing_is_filled():
    assert fill_inputs({"factor": 2}, {"x": ONE, "y": MANY}, []) == {"factor": 2}


@pytest.mark.parametrize("index", [-1, 3, True, "0", None, 1.0])
def test_an_index_that_no_task_has_is_refused_by_its_field(index):
    with pytest.raises(ParameterError, match=r"task\.parameter\.x\[1\]\.input.*has 3 exam tasks"):
        fill_inputs({"x": [{"input": 0}, {"input": index}]}, {"x": MANY}, UIDS)
