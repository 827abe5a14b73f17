"""The environment of a worker that executes graphs: opened from startup code, announced, closed."""

from __future__ import annotations

import pytest

from device_worker.activity import Activity
from device_worker.commands import Commands
from device_worker.compute.environment import open_graph_environment
from device_worker.compute.errors import ComputeUnavailable
from device_worker.parts import EnvironmentParts
from device_worker.process import GraphOptions
from device_worker.profile import ProfileError
from device_worker.task_orders import TaskOrders
from queue_server.clock import ManualClock
from queue_server.protocol.worker_link import CatalogPage, EnvironmentOpened, StopReport

STARTUP = """
from device_worker.compute import graph, node

@graph
def nothing(size: int = 1):
    \"\"\"Do nothing.\"\"\"
"""


class Reports(list):
    """A reporter that keeps what it is given."""

    def report(self, report):
        self.append(report)


@pytest.fixture
def reports():
    return Reports()


@pytest.fixture
def parts(reports):
    activity, clock = Activity(), ManualClock()
    commands = Commands("compute", activity, reports)
    return EnvironmentParts(activity, commands, TaskOrders(activity, commands, reports, clock), reports, clock)


@pytest.fixture
def data(tmp_path):
    (tmp_path / "data").mkdir(mode=0o700)
    return tmp_path / "data"


@pytest.fixture
def open_environment(tmp_path, data, parts, cluster):
    """Open an environment with the startup code of a test; return it and the settings of its processes."""

    def run(code=STARTUP, *, startup=None, start=None, **options):
        (tmp_path / "graphs.py").write_text(code)
        given = GraphOptions(data, **options)
        seen = []

        def begin(settings):
            seen.append(settings)
            return cluster

        startup = startup or str(tmp_path / "graphs.py")
        return open_graph_environment(startup, "compute", given, parts, start or begin), seen

    return run


def test_the_graphs_are_reported_before_the_environment_is_open(open_environment, reports, parts, cluster):
    environment, [settings] = open_environment(processes=3, memory_limit_mib=256)
    assert (reports, parts.activity.is_open) == ([], False)
    environment.announce()
    page, opened = reports
    assert isinstance(page, CatalogPage)
    assert isinstance(opened, EnvironmentOpened)
    assert (page.catalog, page.first, list(page.entries)) == ("dags", True, ["nothing"])
    assert page.entries["nothing"]["parameters"]["properties"]["size"]["type"] == "integer"
    assert parts.activity.is_open
    assert (settings.processes, settings.memory_limit_mib, settings.directory.parts[-3:]) == (
        3,
        256,
        ("graphs", "compute", "scratch"),
    )
    environment.close()
    assert cluster.closed.is_set()


def test_the_simulated_profile_has_a_scan_and_its_reconstruction(open_environment, reports):
    environment, _ = open_environment(startup="sim")
    environment.announce()
    assert list(reports[0].entries) == ["reconstruct_image", "simulate_scan", "summarize_metrics"]


def test_an_emergency_stop_finds_nothing_that_moves(open_environment):
    environment, _ = open_environment()
    assert environment.begin_stops([]).report(3, 0.0) == StopReport(order=3)
    environment.end_plan("abort", "smoke")
    assert environment.loop_age_s() == 0


def test_an_existing_scheduler_is_named_by_a_file(open_environment, tmp_path):
    (tmp_path / "scheduler.yaml").write_text("address: tcp://127.0.0.1:8786\n")
    _, [settings] = open_environment(scheduler=tmp_path / "scheduler.yaml")
    assert settings.scheduler.address == "tcp://127.0.0.1:8786"


@pytest.mark.parametrize("text", ["address: tcp://10.0.0.1:8786", "colour: 1", "a: [", None])
def test_a_wrong_file_for_the_scheduler_is_refused(open_environment, tmp_path, text):
    if text is not None:
        (tmp_path / "scheduler.yaml").write_text(text)
    with pytest.raises(ProfileError, match="processes for graphs cannot be used"):
        open_environment(scheduler=tmp_path / "scheduler.yaml")


TWICE = """
from device_worker.compute import graph

def make():
    @graph
    def same():
        pass
    return same

one, two = make(), make()
"""


@pytest.mark.parametrize(
    ("code", "said"),
    [("x = 1", "no processing graph"), ("1 / 0", "division"), (TWICE, "two graphs with the name 'same'")],
)
def test_startup_code_that_cannot_be_used_is_refused(open_environment, cluster, code, said):
    with pytest.raises(ProfileError, match=said):
        open_environment(code)


def test_without_processes_there_is_no_environment(open_environment):
    def fail(settings):
        raise ComputeUnavailable("a library is missing")

    with pytest.raises(ProfileError, match="a library is missing"):
        open_environment(start=fail)


def test_artifacts_that_others_may_use_are_refused(open_environment, data):
    (data / "artifacts").mkdir()
    (data / "artifacts").chmod(0o755)
    with pytest.raises(ProfileError, match="Other users"):
        open_environment()


def test_files_of_graphs_are_for_this_user_alone(open_environment, data):
    open_environment()
    assert [(data / place).stat().st_mode & 0o777 for place in ("graphs", "graphs/compute", "artifacts")] == [0o700] * 3


def test_processes_that_do_not_end_in_time_keep_nobody_waiting(open_environment, cluster, caplog):
    environment, _ = open_environment()

    def close():
        raise TimeoutError("too slow")

    cluster.close, end = close, cluster.close
    environment.close()
    cluster.close = end
    assert "too slow" in caplog.text
