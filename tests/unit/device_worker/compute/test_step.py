from __future__ import annotations

import sys
import threading

import cloudpickle
import numpy as np
import pytest

from device_worker.compute import node
from device_worker.compute.composition import recording
from device_worker.compute.errors import GraphError, NodeFailure, StepForbidden
from device_worker.compute.step import MAX_ARGUMENT_BYTES, perform_step, prepare_steps
from device_worker.compute.workplace import Workplace


@node
def add(first, second, *, third=0):
    return first + second + third


@node
def fail(reason):
    raise StubbornError(reason)


class StubbornError(Exception):
    def __init__(self, reason):
        super().__init__(reason)
        self.lock = threading.Lock()


@pytest.fixture
def place(tmp_path):
    return Workplace.create(tmp_path / "results")


@pytest.fixture
def prepare(place):
    def prepare(compose, files=None):
        with recording("g") as recorder:
            value = compose()
            for name in files or ["a.json"]:
                recorder.add_file(name, value, "result")
        return prepare_steps(recorder.finish(), place.directory, ["/nowhere"])

    return prepare


def test_steps_are_performed_with_the_values_of_earlier_ones(prepare, place):
    orders = prepare(lambda: add(add(1, 2), 10, third=add(3, 4)), ["sum.json", "again.json"])
    assert [(order.step, order.label, order.name, order.needs) for order in orders] == [
        (0, "add", "add", ()),
        (1, "add#2", "add", ()),
        (2, "add#3", "add", (0, 1)),
        (3, "write sum.json", "write", (2,)),
        (4, "write again.json", "write", (2,)),
    ]
    values = []
    for order in orders:
        sent = cloudpickle.loads(cloudpickle.dumps(order))
        values.append(perform_step(sent, *[values[number] for number in order.needs]))
    assert values == [3, 7, 20, None, None]
    assert [entry.name for entry in place.publish()] == ["sum.json", "again.json"]
    assert (place.directory / "sum.json").read_text() == "20\n"


def test_the_failure_of_a_node_can_travel_whatever_it_raised(prepare):
    [order, _] = prepare(lambda: fail("too hot"))
    with pytest.raises(NodeFailure) as caught:
        perform_step(order)
    failure = cloudpickle.loads(cloudpickle.dumps(caught.value))
    assert (failure.node, str(failure).partition(": ")[0]) == ("fail", "Node 'fail' failed")
    assert failure.message.endswith("StubbornError: too hot")
    assert "raise StubbornError(reason)" in failure.traceback
    assert "compute/step.py" not in failure.traceback


def test_a_node_that_asks_the_process_to_end_has_failed(prepare):
    [order, _] = prepare(lambda: node(lambda: exit(3))())
    with pytest.raises(NodeFailure, match="SystemExit: 3"):
        perform_step(order)


def test_a_file_that_cannot_be_written_is_a_failure_that_leaves_nothing(prepare, place):
    orders = prepare(lambda: add(1, 2), ["a.png"])
    with pytest.raises(NodeFailure, match=r"Node 'write a\.png' failed: .*File 'a\.png'"):
        perform_step(orders[1], 3)
    assert place.publish() == ()


def test_no_step_is_performed_after_the_end(prepare, place):
    [order, _] = prepare(lambda: add(1, 2))
    place.forbid()
    with pytest.raises(StepForbidden):
        perform_step(order)


def test_a_node_that_cannot_travel_is_named_before_anything_begins(prepare):
    lock = threading.Lock()
    with pytest.raises(GraphError, match="'add' cannot be sent to another process: TypeError"):
        prepare(lambda: add(lock, 1))


def test_large_arguments_are_refused(prepare):
    with pytest.raises(GraphError, match=rf"arguments of node 'add' take \d+ bytes, and at most {MAX_ARGUMENT_BYTES}"):
        prepare(lambda: add(np.zeros(MAX_ARGUMENT_BYTES, np.uint8), 1))


def test_modules_beside_the_startup_code_are_found(tmp_path, place, monkeypatch):
    (tmp_path / "beside_the_startup_code.py").write_text("class Found:\n    value = 5\n")
    monkeypatch.syspath_prepend(tmp_path)
    import beside_the_startup_code  # pyright: ignore[reportMissingImports]

    with recording("g") as recorder:
        recorder.add_file("a.json", node(lambda found: found.value)(beside_the_startup_code.Found()), "result")
    monkeypatch.undo()
    monkeypatch.setattr("sys.path", [entry for entry in sys.path if entry != str(tmp_path)])
    orders = prepare_steps(recorder.finish(), place.directory, [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "beside_the_startup_code")
    assert perform_step(orders[0]) == 5
