from __future__ import annotations

import json
import threading
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from device_worker.compute import InputArray, graph, keep, node
from device_worker.compute.errors import ComputeUnavailable
from device_worker.compute.executor import ComputeSettings, GraphExecutor, GraphOrder
from device_worker.compute.manifest import read_manifest
from device_worker.compute.outcome import Aborted, Completed, Failed
from queue_server.protocol.errors import ParameterError


class Gate:
    """Where nodes wait. They run in threads of the test, so that there is one gate for all of them."""

    begun = threading.Event()
    opened = threading.Event()


@node
def total(part):
    """Add up."""
    return float(np.sum(part))


@node
def wait(value):
    """Begin, and end when the test allows it."""
    Gate.begun.set()
    Gate.opened.wait()
    return value


@node
def divide(value, divisor):
    """Divide."""
    return value / divisor


@graph
def add_rows(table: InputArray, divisor: int = 1):
    """Add up the rows of a table."""
    rows = total.map(table.slices())
    keep("rows.json", rows)
    return {"sum.json": divide.map(rows, divisor=divisor)}


@graph
def wait_for_ever(table: InputArray):
    """Wait."""
    return {"sum.json": wait(total(table))}


@graph
def odd():
    """Return nothing."""


@pytest.fixture
def executor(tmp_path, cluster, catalog_of):
    settings = ComputeSettings(directory=tmp_path / "scratch")
    with GraphExecutor(settings, catalog_of(add_rows, wait_for_ever, odd), lambda _: cluster) as executor:
        yield executor
    assert cluster.closed.is_set()


@pytest.fixture
def order(tmp_path):
    np.save(tmp_path / "table.npy", np.arange(6.0).reshape(2, 3))

    def order(dag_id="add_rows", **changes):
        given = {"directory": tmp_path / "results", "inputs": {"table": tmp_path / "table.npy"}} | changes
        return GraphOrder("attempt-1", dag_id, **given)

    return order


def test_the_files_of_a_graph_are_listed_and_in_their_places(executor, order, tmp_path):
    progress = []
    outcome = executor.run(order(parameters={"divisor": 2}), progress.append)
    assert isinstance(outcome, Completed)
    assert [(entry.name, entry.role) for entry in outcome.files] == [
        ("rows.json", "intermediate"),
        ("sum.json", "result"),
    ]
    assert (progress[0].done, progress[-1].done, progress[-1].total) == (0, 4, 4)
    assert json.loads((tmp_path / "results" / "sum.json").read_text()) == [1.5, 6.0]
    manifest = read_manifest(tmp_path / "results")
    assert (manifest.graph, manifest.key, manifest.outcome, manifest.files) == (
        "add_rows",
        "attempt-1",
        "completed",
        outcome.files,
    )
    assert [entry.node for entry in manifest.nodes] == ["total[0]", "total[1]", "divide[0]", "divide[1]"]
    assert sorted(path.name for path in (tmp_path / "results").iterdir()) == ["manifest.json", "rows.json", "sum.json"]


def test_files_that_were_complete_are_kept_when_a_node_fails(executor, order, tmp_path):
    outcome = executor.run(order(parameters={"divisor": 0}), lambda progress: None)
    assert isinstance(outcome, Failed)
    assert "ZeroDivisionError" in outcome.message
    assert "return value / divisor" in outcome.traceback
    assert outcome.node.startswith("divide[")
    assert read_manifest(tmp_path / "results").outcome == "failed"
    found = {path.name for path in (tmp_path / "results").iterdir()}
    assert found == {"manifest.json"} | {entry.name for entry in outcome.files}


@pytest.mark.parametrize(
    ("dag_id", "changes", "reason"),
    [
        ("unknown", {}, "no graph 'unknown'"),
        ("add_rows", {"parameters": {"divisor": "two"}}, "parameter 'divisor'"),
        ("add_rows", {"inputs": {}}, "needs the input 'table'"),
        ("odd", {"inputs": {}}, "has no files"),
    ],
)
def test_a_wrong_order_fails_before_anything_begins(executor, order, tmp_path, dag_id, changes, reason):
    outcome = executor.run(order(dag_id, **changes), lambda progress: None)
    assert isinstance(outcome, Failed)
    assert reason in outcome.message
    assert not (tmp_path / "results").exists()


def test_a_directory_that_cannot_be_used_fails_the_order(executor, order, tmp_path):
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "other").touch()
    outcome = executor.run(order(), lambda progress: None)
    assert "not empty" in outcome.message
    assert [path.name for path in (tmp_path / "results").iterdir()] == ["other"]
    assert "not an absolute path" in executor.run(order(directory=tmp_path.relative_to("/")), print).message


def test_what_is_wrong_is_told_before_an_item_is_queued(executor):
    executor.check("add_rows", {"divisor": 3})
    with pytest.raises(ParameterError) as caught:
        executor.check("add_rows", {"divisor": 3.5})
    assert caught.value.field == "parameters.divisor"


def test_only_what_is_being_executed_can_be_cancelled(executor, order):
    Gate.begun.clear()
    Gate.opened.clear()
    answers = []

    def cancel():
        Gate.begun.wait()
        answers.append(executor.cancel("attempt-2", "wrong key"))
        answers.append(executor.cancel("attempt-1", "no longer wanted"))

    thread = threading.Thread(target=cancel)
    thread.start()
    outcome = executor.run(order("wait_for_ever"), lambda progress: None)
    thread.join()
    Gate.opened.set()
    assert outcome == Aborted("no longer wanted", ("wait",), ())
    assert answers == [False, True]
    assert not executor.cancel("attempt-1", "it is over")


def test_one_graph_is_executed_at_a_time(executor, order):
    def try_another(progress):
        with pytest.raises(RuntimeError, match="'attempt-1' is being executed"):
            executor.run(order(), print)

    assert executor.run(order(), try_another).outcome == "completed"


def test_an_executor_that_is_not_open_executes_nothing(tmp_path, catalog_of, order):
    with pytest.raises(RuntimeError, match="not open"):
        GraphExecutor(ComputeSettings(directory=tmp_path), catalog_of()).run(order(), print)


def test_a_lost_scheduler_is_asked_again_for_the_next_graph(tmp_path, cluster, catalog_of, order):
    closed = threading.Event()
    lost: Any = SimpleNamespace(is_connected=False, close=closed.set)
    answers = iter([lost, ComputeUnavailable("nobody answers"), cluster])

    def start(settings):
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    with GraphExecutor(ComputeSettings(directory=tmp_path), catalog_of(add_rows), start) as executor:
        assert executor.run(order(), print) == Failed("nobody answers")
        assert not (tmp_path / "results").exists()
        assert executor.run(order(), print).outcome == "completed"
        assert closed.is_set()
