from __future__ import annotations

import cloudpickle
import numpy as np
import pytest

from device_worker.compute import InputArray, InputFile, node
from device_worker.compute.composition import Pending, recording
from device_worker.compute.errors import GraphError
from device_worker.compute.node import list_needed
from device_worker.sim import reconstruction


@node
def scale(value, factor=2):
    """Multiply."""
    return value * factor


def test_outside_of_a_graph_a_node_is_an_ordinary_function():
    assert scale(3) == 6
    assert scale(3, factor=5) == 15
    assert scale.__doc__ == "Multiply."


def test_outside_of_a_graph_map_calls_the_function():
    assert scale.map([1, 2], factor=3) == [3, 6]
    assert scale.map([1, 2], [10, 20]) == [10, 40]


def test_outside_of_a_graph_handles_are_loaded(tmp_path):
    np.save(tmp_path / "a.npy", np.ones((2, 2)))
    handle = InputArray.open(tmp_path / "a.npy")
    name = node(lambda file: file.name)
    assert scale(handle).tolist() == [[2, 2], [2, 2]]
    assert [part.tolist() for part in scale.map(handle.slices())] == [[2, 2], [2, 2]]
    assert name(InputFile(tmp_path / "a.npy")) == "a.npy"


def test_inside_a_graph_calls_are_recorded_and_labelled():
    with recording("g") as recorder:
        first = scale(1)
        parts = scale.map([first, 2], factor=7)
        again = scale(parts)
        recorder.add_file("x.json", again, "result")
    steps = recorder.finish().steps
    assert [step.label for step in steps] == ["scale", "scale#2[0]", "scale#2[1]", "scale#3"]
    assert first == Pending(0, "scale")
    assert [list_needed((step.args, step.kwargs)) for step in steps] == [[], [0], [], [1, 2]]
    assert steps[1].kwargs == {"factor": 7}


def test_what_is_needed_is_found_in_lists_tuples_and_maps_once():
    one, two = Pending(1, "one"), Pending(2, "two")
    assert list_needed(({"a": [two, (one, 5)]}, {"b": one})) == [2, 1]


def test_wrong_arguments_are_found_while_the_graph_is_put_together():
    with recording("g"), pytest.raises(GraphError, match=r"'g' calls node 'scale' with wrong arguments: .*'value'"):
        scale(factor=3)


def test_a_node_is_not_mapped_over_nothing_nor_over_different_lengths():
    with pytest.raises(GraphError, match="mapped over nothing"):
        scale.map(factor=3)
    with pytest.raises(GraphError, match="different lengths"):
        scale.map([1, 2], [1])


def test_a_node_is_not_mapped_over_a_value_that_is_not_known_yet():
    with recording("g"), pytest.raises(GraphError, match=r"value of 'scale' is not known .* iterated over"):
        scale.map(scale(1))


async def coroutine():
    """No function that returns its value."""


def generator():
    """No function that returns its value."""
    yield 1


@pytest.mark.parametrize("wrong", [3, "name", print, int, coroutine, generator])
def test_only_a_function_can_be_a_node(wrong):
    with pytest.raises(GraphError, match="cannot be a node"):
        node(wrong)


def test_a_node_of_a_module_travels_by_its_name():
    cloudpickled = cloudpickle.dumps(reconstruction.coil_image)
    assert cloudpickle.loads(cloudpickled) is reconstruction.coil_image
    assert len(cloudpickled) < 200
