"""Plans of the simulated profile, run by the real RunEngine, leave the metrics and the files that are asked for."""

from __future__ import annotations

import json

import pytest

from device_worker.activity import Activity
from device_worker.commands import Commands
from device_worker.environment import open_environment
from device_worker.list_file import ListUpdates
from device_worker.parts import EnvironmentParts
from device_worker.run_engine.outputs import Outputs
from device_worker.task_orders import TaskOrders
from queue_server.artifacts.store import open_artifacts
from queue_server.clock import SystemClock
from queue_server.protocol.items import AttemptKey
from queue_server.protocol.worker_link import Execute, ItemFinished

STARTUP = """
from bluesky.plans import count, scan
from device_worker.outputs import output_directory
from device_worker.sim.devices import hardware

motor, det = hardware.motor, hardware.det

def scan_and_fit():
    yield from scan([det], motor, -5, 5, 41)
    place = output_directory()
    (place / "fit.json").write_text('{"fit": {"width": 2.5, "converged": true}, "note": "good"}')
    (place / "raw").mkdir()
    (place / "raw" / "points.csv").write_text("x,y\\n1,2\\n")

def two_runs():
    yield from count([det], num=3)
    yield from scan([det], motor, 0, 2, 5)
    yield from count([motor], num=1, md={"purpose": "home"})
"""
GAUSS = [
    {"name": "position", "dtype": "float", "field": "det", "statistic": "peak", "over": "motor"},
    {"name": "centre", "dtype": "float", "field": "det", "statistic": "com", "over": "motor"},
    {"name": "width", "dtype": "float", "field": "det", "statistic": "fwhm", "over": "motor"},
    {"name": "highest", "dtype": "float", "field": "det", "statistic": "max"},
    {"name": "points", "dtype": "int", "field": "det", "statistic": "count"},
    {"name": "exit", "dtype": "string", "stop": "exit_status"},
    {"name": "events", "dtype": "int", "stop": "num_events/primary"},
]


class Reports(list):
    """A reporter that keeps what it is given."""

    def report(self, report):
        self.append(report)

    def show_progress(self, progress):
        pass

    def show_metadata(self, metadata):
        pass


class Worker:
    """An environment in this process, and the store in which it keeps files."""

    def __init__(self, startup, data):
        self.data = data
        self.activity, self.reports, clock = Activity(), Reports(), SystemClock()
        self.commands = Commands("default", self.activity, self.reports)
        orders = TaskOrders(self.activity, self.commands, self.reports, clock)
        outputs = Outputs(data / "outputs", data)
        parts = EnvironmentParts(self.activity, self.commands, orders, self.reports, clock, outputs=outputs)
        self.environment = open_environment(_Options(startup), parts)
        self.environment.announce()
        self.number = 0

    def execute(self, name, *columns, args=(), outputs=(), **more):
        """Execute a plan with a schema of these columns, and return its finish report."""
        self.number += 1
        key = AttemptKey(f"item-{self.number}", "s", "default", 1, 1)
        content = {"item_type": "plan", "name": name, "args": list(args), "user_group": "primary"}
        schema = {"columns": list(columns), **more} if columns else None
        wanted = {"result_schema": schema, "outputs": list(outputs)}
        order = Execute.model_validate({"attempt": key, "content": content, "extraction": wanted})
        self.commands.take(order, 1)
        assert self.commands.next_command() == order
        self.environment.execute(order)
        [finished] = [each for each in self.reports if isinstance(each, ItemFinished) and each.attempt == key]
        return finished

    def read(self, finished):
        """Return the files of an attempt."""
        store = open_artifacts(self.data)
        return {entry.name: store.locate(entry.artifact.id).read_text() for entry in finished.artifacts}


class _Options:
    list_file = None
    update_list_file: ListUpdates = "environment_open"
    device_max_depth = 0
    ignore_invalid_plans = False

    def __init__(self, startup):
        self.startup = str(startup)


@pytest.fixture(scope="module")
def worker(tmp_path_factory):
    place = tmp_path_factory.mktemp("worker")
    (place / "startup.py").write_text(STARTUP)
    (place / "data").mkdir(mode=0o700)
    return Worker(place, place / "data")


def test_statistics_of_a_scan_are_those_of_the_simulated_peak(worker):
    finished = worker.execute("scan", *GAUSS, args=[["det"], "motor", -5, 5, 41])
    assert (finished.outcome, finished.metrics_error) == ("completed", "")
    assert finished.metrics["points"] == finished.metrics["events"] == 41
    assert finished.metrics["exit"] == "success"
    assert finished.metrics["position"] == 0
    assert finished.metrics["highest"] == 1
    # The simulated detector is a Gaussian of width sigma = 1 around 0.
    assert finished.metrics["centre"] == pytest.approx(0, abs=1e-6)
    assert finished.metrics["width"] == pytest.approx(2.3548, rel=0.01)
    assert json.loads(worker.read(finished)["metrics.json"]) == finished.metrics


def test_files_of_a_plan_are_artifacts_and_the_source_of_metrics(worker):
    column = {"name": "width", "dtype": "float", "path": "fit/width"}
    finished = worker.execute("scan_and_fit", column, file="fit.json", outputs=["fit.json", "raw/points.csv"])
    assert finished.metrics == {"width": 2.5}
    files = worker.read(finished)
    assert sorted(files) == ["fit.json", "raw/points.csv"]
    assert files["raw/points.csv"] == "x,y\n1,2\n"
    assert [entry.artifact.content_type for entry in finished.artifacts] == ["application/json", "text/csv"]


def test_without_a_schema_all_files_are_kept(worker):
    finished = worker.execute("scan_and_fit")
    assert sorted(worker.read(finished)) == ["fit.json", "raw/points.csv"]
    assert (finished.metrics, finished.metrics_error) == ({}, "")


def test_a_failed_extraction_names_the_column_and_leaves_the_attempt_completed(worker):
    column = {"name": "converged", "dtype": "int", "path": "fit/converged"}
    finished = worker.execute("scan_and_fit", column, file="fit.json")
    assert (finished.outcome, finished.metrics) == ("completed", {})
    assert finished.metrics_error == "Column 'converged': True is neither a number nor a text."


def test_of_several_runs_the_last_one_with_the_stream_counts_and_says_which_fields_it_has(worker):
    motor = {"name": "m", "dtype": "float", "field": "motor", "statistic": "count"}
    assert worker.execute("two_runs", motor | {"dtype": "int"}).metrics == {"m": 1}
    finished = worker.execute("two_runs", {"name": "d", "dtype": "float", "field": "det"})
    assert finished.metrics_error == "Column 'd': the stream has no field 'det', but motor, motor_setpoint."
