"""What clients are told of a graph: parameters and inputs in one schema, by which the manager checks items."""

from __future__ import annotations

from device_worker.compute import InputArray, InputFile, graph
from device_worker.compute.announcement import describe_for_clients
from queue_server.access.graphs import CompiledGraph

ID = "0f" * 32


@graph
def stack(frames: list[InputArray], size: int, dark: InputFile | None = None, factor: float = 1.0):
    """Stack frames.

    Args:
        frames: what is stacked.
        size: rows.
        dark: counts without light.
        factor: what the sum is multiplied with.
    """


def explain(**given):
    return [each.field for each in CompiledGraph(describe_for_clients(stack)["parameters"]).explain(given)]


def test_inputs_are_parameters_that_take_the_ids_of_artifacts():
    described = describe_for_clients(stack)
    assert (described["dag_id"], described["description"]) == ("stack", "Stack frames.")
    schema = described["parameters"]
    assert list(schema["properties"]) == ["frames", "dark", "size", "factor"]
    assert schema["required"] == ["frames", "size"]
    assert schema["properties"]["frames"]["description"].startswith("what is stacked. An array in a .npy file each")
    assert described["inputs"]["dark"] == stack.describe()["inputs"]["dark"]


def test_the_manager_checks_inputs_and_parameters_by_the_description():
    assert explain(frames=[ID, ID], size=4) == []
    assert explain(frames=[ID], size=4, dark=ID, factor=2) == []
    assert explain(size=4) == ["frames"]
    assert explain(frames=ID, size=4) == ["frames"]
    assert explain(frames=[ID, "/etc/passwd"], size=4) == ["frames.1"]
    assert explain(frames=[ID], size="4", dark=ID.upper()) == ["dark", "size"]
