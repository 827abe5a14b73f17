"""An environment is put together from startup code, and announced before it takes items."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from device_worker.activity import Activity
from device_worker.commands import Commands
from device_worker.environment import open_environment
from device_worker.parts import EnvironmentParts
from device_worker.profile import ProfileError
from device_worker.task_orders import TaskOrders
from queue_server.clock import SystemClock
from queue_server.protocol.items import AttemptKey
from queue_server.protocol.worker_link import (
    CatalogPage,
    EnvironmentOpened,
    EnvironmentUpdated,
    Execute,
    ItemFinished,
    REStateChanged,
    RunTask,
    TaskFinished,
)

NO_LIST_FILE: dict[str, Any] = {"list_file": None, "update_list_file": "environment_open"}
KEY = AttemptKey("item", "submission", "default", 1, 1)
STARTUP = """
from bluesky import Msg

def measure(times: int = 1):
    yield Msg("open_run")
    yield Msg("close_run")
"""


class Reports(list):
    """A reporter that keeps what it is given."""

    watch: Callable[[Any], object] | None = None

    def report(self, report):
        if self.watch is not None:
            self.watch(report)
        self.append(report)

    def show_progress(self, progress):
        pass

    def show_metadata(self, metadata):
        pass


@pytest.fixture
def parts():
    activity, reports, clock = Activity(), Reports(), SystemClock()
    commands = Commands("default", activity, reports)
    return EnvironmentParts(activity, commands, TaskOrders(activity, commands, reports, clock), reports, clock)


@pytest.fixture
def options(tmp_path):
    (tmp_path / "startup.py").write_text(STARTUP)
    return SimpleNamespace(startup=str(tmp_path), device_max_depth=0, ignore_invalid_plans=False, **NO_LIST_FILE)


def test_the_catalogs_come_before_the_environment_is_open(parts, options):
    environment = open_environment(options, parts)
    assert (parts.reporter, parts.activity.is_open) == ([], False)
    environment.announce()
    plans, devices, opened = parts.reporter
    assert isinstance(plans, CatalogPage)
    assert isinstance(opened, EnvironmentOpened)
    assert (list(plans.entries), devices.entries) == (["measure"], {})
    assert parts.activity.is_open


INVALID = """
def broken(speed=object()):
    yield
"""


def test_a_plan_that_cannot_be_described_is_left_out_where_that_is_asked_for(parts, options, tmp_path):
    (tmp_path / "more.py").write_text(INVALID)
    with pytest.raises(ProfileError, match="broken"):
        open_environment(options, parts)
    options.ignore_invalid_plans = True
    open_environment(options, parts).announce()
    assert list(parts.reporter[0].entries) == ["measure"]


def test_items_are_executed_and_states_are_told(parts, options):
    environment = open_environment(options, parts)
    environment.announce()
    order = Execute(attempt=KEY, content={"name": "measure", "kwargs": {"times": 2}})
    parts.commands.take(order, 1)
    environment.execute(order)
    assert parts.reporter[-1].outcome == "completed"
    states = [report for report in parts.reporter if isinstance(report, REStateChanged)]
    assert [(report.re_state, report.attempt) for report in states] == [("running", KEY), ("idle", KEY)]
    assert isinstance(parts.reporter[-1], ItemFinished)
    assert environment.loop_age_s() == 0


@pytest.mark.parametrize(("startup", "words"), [("1 / 0", "division"), ("RE = 5", "'RE' is a int")])
def test_startup_code_that_cannot_be_used_is_refused(parts, options, tmp_path, startup, words):
    (tmp_path / "startup.py").write_text(startup)
    with pytest.raises(ProfileError, match=words):
        open_environment(options, parts)


def test_the_list_file_is_written_before_the_environment_is_open(parts, options, tmp_path):
    options.list_file = tmp_path / "lists.yaml"
    environment = open_environment(options, parts)
    assert not options.list_file.exists()
    parts.reporter.watch = lambda _: options.list_file.stat()
    environment.announce()
    assert list(read(options.list_file)["existing_plans"]) == ["measure"]


@pytest.mark.parametrize(("updates", "plans"), [("environment_open", {"measure"}), ("always", {"measure", "again"})])
def test_changes_of_an_open_environment_are_written_where_that_is_wanted(parts, options, tmp_path, updates, plans):
    options.list_file, options.update_list_file = tmp_path / "lists.yaml", updates
    environment = open_environment(options, parts)
    environment.announce()
    run(environment, parts, "script", script="def again():\n    yield from measure()")
    assert set(read(options.list_file)["existing_plans"]) == plans


def read(path):
    """Return what a list file says."""
    return yaml.safe_load(path.read_bytes())


def run(environment, parts, kind, **content):
    """Run a foreground task and return the reports that it made."""
    before = len(parts.reporter)
    order = RunTask(task_uid=f"task-{before}", task=kind, in_background=False, content=content)
    parts.task_orders.take(order)
    assert parts.commands.next_command() == order
    environment.run_task(order)
    return parts.reporter[before:]


@pytest.fixture
def environment(parts, options):
    environment = open_environment(options, parts)
    environment.announce()
    return environment


def test_a_script_makes_new_lists_and_items_are_resolved_against_them(environment, parts):
    *pages, updated, finished = run(environment, parts, "script", script="def again():\n    yield from measure()")
    assert isinstance(updated, EnvironmentUpdated)
    assert isinstance(finished, TaskFinished)
    assert [(page.catalog, list(page.entries), page.first) for page in pages] == [
        ("plans", ["measure", "again"], True),
        ("devices", [], True),
    ]
    order = Execute(attempt=KEY, content={"name": "again"})
    parts.commands.take(order, 1)
    environment.execute(order)
    assert parts.reporter[-1].outcome == "completed"


def test_functions_of_the_namespace_are_called(environment, parts):
    run(environment, parts, "script", script="def double(x):\n    return 2 * x")
    (finished,) = run(environment, parts, "function", name="double", args=[4])
    assert finished.return_value == 8
    (finished,) = run(environment, parts, "function", name="measure")
    assert (finished.success, "is a plan" in finished.message) == (False, True)


def test_lists_that_cannot_be_made_leave_the_earlier_ones(environment, parts):
    script = "def measure(detector=object()):\n    yield"
    (finished,) = run(environment, parts, "script", script=script)
    assert (finished.success, "Plan 'measure' cannot be described" in finished.message) == (False, True)
    *_, updated, finished = run(environment, parts, "script", script="del measure")
    assert isinstance(updated, EnvironmentUpdated)


@pytest.mark.parametrize(
    ("script", "words"), [("RE = 5", "not a RunEngine"), ("RE = 5\n1 / 0", "ZeroDivisionError"), ("del RE", "")]
)
def test_a_script_that_leaves_no_run_engine_does_not_change_it(environment, parts, script, words):
    *_, finished = run(environment, parts, "script", script=script, update_re=True)
    assert (finished.success, words in finished.message) == (not words, True)
    *_, finished = run(environment, parts, "script", script="assert type(RE).__name__ == 'RunEngine'")
    assert finished.success
