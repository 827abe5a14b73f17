"""Items of a lane of graphs on their way through the worker; the nodes run in threads of the test."""

from __future__ import annotations

import asyncio
import threading

import numpy as np
import pytest

from device_worker.activity import Activity, Emergency
from device_worker.commands import Commands, End
from device_worker.compute import InputArray, graph, node
from device_worker.compute.executor import ComputeSettings, GraphExecutor
from device_worker.compute.items import GraphItems
from device_worker.compute.kept_files import FileKeeper
from device_worker.parts import EnvironmentParts
from device_worker.task_orders import TaskOrders
from queue_server.artifacts.store import open_artifacts
from queue_server.clock import ManualClock
from queue_server.protocol.items import AttemptKey
from queue_server.protocol.worker_link import (
    Continue,
    Execute,
    ItemAcknowledged,
    ItemFinished,
    OrderRefused,
    REStateChanged,
)

KEY = AttemptKey("item", "submission", "compute", 1, 1)


class Gate:
    """Where nodes wait. They run in threads of the test, so that there is one gate for all of them."""

    begun = threading.Event()
    opened = threading.Event()


@pytest.fixture(autouse=True)
def gate():
    Gate.begun, Gate.opened = threading.Event(), threading.Event()
    yield Gate
    Gate.opened.set()


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


@graph
def add_rows(table: InputArray, divisor: int = 1):
    """Add up the rows of a table."""
    return {"sum.json": divide.map(total.map(table.slices()), divisor=divisor)}


@node
def divide(value, divisor):
    """Divide."""
    return value / divisor


@graph
def wait_for_ever(value: int = 1):
    """Wait."""
    return {"value.json": wait(value)}


class Link:
    """A reporter that keeps what it is given."""

    def __init__(self):
        self.reports, self.progress = [], []
        self.refused = threading.Event()

    def report(self, report):
        self.reports.append(report)
        if isinstance(report, OrderRefused):
            self.refused.set()

    def show_progress(self, progress):
        self.progress.append((progress.points, progress.total))

    def show_metadata(self, metadata):
        raise AssertionError("a worker of graphs has no metadata")

    @property
    def finished(self) -> ItemFinished:
        [finished] = [report for report in self.reports if isinstance(report, ItemFinished)]
        return finished


@pytest.fixture
def link():
    return Link()


@pytest.fixture
def parts(link):
    activity, clock = Activity(), ManualClock()
    activity.open()
    commands = Commands("compute", activity, link)
    return EnvironmentParts(activity, commands, TaskOrders(activity, commands, link, clock), link, clock)


@pytest.fixture
def items(tmp_path, cluster, catalog_of, parts):
    (tmp_path / "graphs").mkdir()
    catalog = catalog_of(add_rows, wait_for_ever)
    with GraphExecutor(ComputeSettings(directory=tmp_path / "scratch"), catalog, lambda _: cluster) as executor:
        yield GraphItems(catalog, executor, FileKeeper(tmp_path, tmp_path / "graphs"), parts)
        Gate.opened.set()


@pytest.fixture
def table(tmp_path, items):
    """The id of the artifact of a table."""
    np.save(tmp_path / "table.npy", np.arange(6.0).reshape(2, 3))
    with open_artifacts(tmp_path).begin() as writer:
        writer.write((tmp_path / "table.npy").read_bytes())
        return writer.commit().id


@pytest.fixture
def execute(items, parts):
    def execute(name, *, extraction=None, **kwargs):
        content = {"item_type": "dag", "name": name, "kwargs": kwargs}
        order = Execute.model_validate({"attempt": KEY, "content": content, "extraction": extraction})
        parts.commands.take(order, 1)
        taken = parts.commands.next_command()
        assert taken == order
        items.execute(taken)

    return execute


def once_begun(act):
    """Act when the waiting node has begun, in another thread."""

    def follow():
        Gate.begun.wait()
        act()

    threading.Thread(target=follow, daemon=True).start()


def test_an_item_is_acknowledged_executed_and_its_files_are_kept(execute, link, parts, table, tmp_path):
    execute("add_rows", table=table, divisor=2)
    assert [type(report) for report in link.reports] == [ItemAcknowledged, REStateChanged, REStateChanged, ItemFinished]
    assert [report.re_state for report in link.reports[1:3]] == ["computing", "idle"]
    assert (link.finished.outcome, link.finished.points, link.finished.message) == ("completed", 4, "")
    assert (link.progress[0], link.progress[-1]) == ((0, 4), (4, 4))
    assert [entry.name for entry in link.finished.artifacts] == ["sum.json", "manifest.json"]
    open_artifacts(tmp_path).verify(link.finished.artifacts[0].artifact.id)
    assert (parts.activity.attempt, parts.activity.standing.re_state) == (None, "idle")


SUMS = {"file": "sum.json", "columns": [{"name": "first", "dtype": "float", "path": "0"}]}


def test_metrics_come_from_a_file_of_the_graph_and_only_declared_files_are_told(execute, link, table):
    execute("add_rows", extraction={"result_schema": SUMS, "outputs": ["sum.json"]}, table=table)
    assert (link.finished.metrics, link.finished.metrics_error) == ({"first": 3.0}, "")
    assert [entry.name for entry in link.finished.artifacts] == ["sum.json"]


def test_a_graph_without_what_is_asked_for_is_completed_and_says_why(execute, link, table):
    execute("add_rows", extraction={"result_schema": SUMS | {"file": "other.json"}}, table=table)
    assert (link.finished.outcome, link.finished.metrics) == ("completed", {})
    assert link.finished.metrics_error == "Column 'first': the attempt has written no file 'other.json'."


def test_a_failing_graph_has_no_metrics(execute, link, table):
    execute("add_rows", extraction={"result_schema": SUMS}, table=table, divisor=0)
    assert (link.finished.outcome, link.finished.metrics_error) == ("failed", "")


def test_a_failing_node_is_named_with_its_traceback(execute, link, table):
    execute("add_rows", table=table, divisor=0)
    assert link.finished.outcome == "failed"
    assert link.finished.message.startswith("Node 'divide[")
    assert "return value / divisor" in link.finished.traceback


@pytest.mark.parametrize(
    ("name", "kwargs", "said"),
    [
        ("unknown", {}, "no graph 'unknown'"),
        ("add_rows", {}, "needs the input 'table'"),
        ("add_rows", {"table": "0" * 64}, "Input 'table': There is no artifact"),
        ("wait_for_ever", {"value": "1"}, "parameter 'value'"),
    ],
)
def test_what_cannot_be_executed_fails_and_says_why(execute, link, name, kwargs, said):
    execute(name, **kwargs)
    assert link.finished.outcome == "failed"
    assert said in link.finished.message


def test_what_nobody_has_foreseen_is_a_failure_with_its_traceback(execute, link, items, cluster, table):
    cluster.client.submit = None
    execute("add_rows", table=table)
    assert link.finished.outcome == "failed"
    assert "could not be executed" in link.finished.message
    assert "Traceback" in link.finished.traceback


@pytest.mark.parametrize(("option", "outcome"), [("stop", "stopped"), ("abort", "aborted"), ("halt", "halted")])
def test_an_order_ends_the_graph_and_the_outcome_is_what_was_ordered(execute, link, parts, option, outcome):
    once_begun(lambda: parts.commands.take(Continue(attempt=KEY, option=option), 1))
    execute("wait_for_ever")
    assert link.finished.outcome == outcome
    assert link.finished.message == f"The graph was {outcome}. Nodes that go on until they return: wait."


def test_an_order_to_resume_is_refused(execute, link, parts):
    def resume():
        parts.commands.take(Continue(attempt=KEY, option="resume"), 1)
        link.refused.wait()
        Gate.opened.set()

    once_begun(resume)
    execute("wait_for_ever")
    assert link.finished.outcome == "completed"
    assert [report.order for report in link.reports if isinstance(report, OrderRefused)] == ["resume"]


def test_an_order_that_came_too_late_changes_no_outcome(execute, link, parts, items, table):
    execute("add_rows", table=table)
    items.end("too late")
    assert link.finished.outcome == "completed"


def test_the_end_of_the_process_ends_the_graph_first(execute, link, parts):
    once_begun(lambda: parts.commands.end("SIGTERM was sent twice"))
    execute("wait_for_ever")
    assert (link.finished.outcome, "SIGTERM" in link.finished.message) == ("aborted", True)
    assert parts.commands.next_command() == End("SIGTERM was sent twice")


def test_an_emergency_stop_ends_the_graph(execute, link, items):
    once_begun(lambda: items.end("emergency stop: smoke"))
    execute("wait_for_ever")
    assert (link.finished.outcome, "smoke" in link.finished.message) == ("aborted", True)


def test_an_emergency_stop_that_comes_before_the_graph_keeps_it_from_beginning(items, link, parts):
    order = Execute(attempt=KEY, content={"name": "wait_for_ever"})
    parts.commands.take(order, 1)
    parts.activity.stop(Emergency("smoke"))
    items.execute(order)
    assert (link.finished.outcome, "smoke" in link.finished.message) == ("aborted", True)
    assert not Gate.begun.is_set()


def test_files_that_cannot_be_kept_make_the_attempt_fail_and_stay(execute, link, table, tmp_path):
    (tmp_path / "artifacts" / "drafts").rmdir()
    execute("add_rows", table=table)
    assert link.finished.outcome == "failed"
    assert "are no artifacts" in link.finished.message
    assert (tmp_path / "graphs" / "item.1" / "sum.json").read_text() == "[\n  3.0,\n  12.0\n]\n"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_not_even_a_cancellation_inside_of_the_scheduler_is_waited_for_for_ever(execute, link, cluster, table):
    def submit(*_, **__):
        raise asyncio.CancelledError

    cluster.client.submit = submit
    execute("add_rows", table=table)
    assert (link.finished.outcome, "CancelledError" in link.finished.message) == ("failed", True)
