"""What holds for every test: time limits, no task left running, no unannounced skip.

Fixtures of one package belong in a conftest.py beside its tests, not here.
"""

from __future__ import annotations

import asyncio
import inspect
import os
from pathlib import Path

import pytest
from hypothesis import settings

from tests.faults.report import FaultReport
from tests.faults.tiers import SWITCH, rounds
from tests.processes.figures import figures_of

TESTS = Path(__file__).parent
# Far longer than any test takes, and longer than what waits within one.
TIME_LIMIT_S = 120
# Tests of these directories start whole processes.
LONG_TIME_LIMIT_S = 300
PROCESS_TESTS = ("system", "clients", "faults")

IN_CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}

# What a property is tried with where it does not say so itself; at night as often as hypothesis has it.
EXAMPLES = 40


def pytest_addoption(parser):
    """Add what selects the tests of the list of faults; tests/faults/conftest.py explains them."""
    group = parser.getgroup("faults")
    group.addoption("--night", action="store_true", help="run the long tests too, and each fault as often as at night")
    group.addoption(
        "--faults", action="store_true", help="run the fault tests only; a fault without a test is a failure"
    )
    group.addoption("--fault-table", metavar="FILE", default="", help="write the table of faults as Markdown")


def pytest_configure(config):
    """Register the markers of the fault tests, and the table at the end."""
    if config.getoption("--night"):
        os.environ[SWITCH] = "1"
    usual = settings.get_profile("ci" if IN_CI else "default")
    # The time of one example says nothing on a shared machine; the time limit of the test holds for all of them.
    settings.register_profile(
        "cuelight", usual, deadline=None, print_blob=True, max_examples=rounds(EXAMPLES, usual.max_examples)
    )
    settings.load_profile("cuelight")
    config.addinivalue_line("markers", "night: runs only with --night or CUELIGHT_NIGHT=1")
    config.addinivalue_line("markers", "fault(*ids, scales=False): proves rows of tests/faults/catalog.py")
    config.pluginmanager.register(FaultReport(config), "fault-report")


@pytest.fixture
def figure(record_property):
    """Note what was asked for and what was reached."""
    return figures_of(record_property)


def pytest_ignore_collect(collection_path, config):
    """Where only the list of faults is asked for, do not load files that have nothing to do with it."""
    is_other = collection_path.name.startswith("test_") and collection_path.parent.name != "faults"
    if config.getoption("--faults") and is_other and "fault(" not in collection_path.read_text(encoding="utf-8"):
        return True
    return None


def pytest_collection_modifyitems(config, items):
    """Give every test the time limit of its directory, unless it states its own."""
    if not config.pluginmanager.hasplugin("timeout"):
        return
    for item in items:
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(_time_limit_s(item.path)))


def _time_limit_s(path):
    parts = path.relative_to(TESTS).parts if path.is_relative_to(TESTS) else ()
    return LONG_TIME_LIMIT_S if parts and parts[0] in PROCESS_TESTS else TIME_LIMIT_S


@pytest.fixture(autouse=True)
def no_task_left(request):
    """Fail an async test, in loop debug mode, that leaves an asyncio task pending."""
    if _is_async(request.function):
        # Asked for here, before any fixture of the test, so that it ends after all of them.
        request.getfixturevalue("pending_tasks_watched")


@pytest.fixture
async def pending_tasks_watched():
    """Compare the loop's tasks before and after the test and its fixtures."""
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    # The loop's own checks stay on. Who asks it otherwise, every future, task and handle, would keep the stack of where
    # it was made: that took half of the time of the tests, and no test is about it.
    loop.get_debug = lambda: False
    before = asyncio.all_tasks()
    yield
    left = asyncio.all_tasks() - before - {asyncio.current_task()}
    assert not left, "tasks left running:\n" + "\n".join(f"  {task!r}" for task in left)


def _is_async(function):
    # A property test keeps its coroutine function inside hypothesis's wrapper.
    inner = getattr(getattr(function, "hypothesis", None), "inner_test", function)
    return inspect.iscoroutinefunction(inner)


# --- skips: in continuous integration a test that does not run is a failure, unless its reason is listed ----


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Turn the skip of a test into a failure."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    """Turn the skip of a whole file into a failure."""
    report = yield
    if report.skipped:
        _refuse_skip(report)
    return report


def _refuse_skip(report):
    if not IN_CI:
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    reason = reason.removeprefix("Skipped: ")
    if reason not in _allowed_skips():
        report.outcome = "failed"
        report.longrepr = f"skipped in CI, and tests/allowed_skips.txt does not list the reason: {reason}"


def _allowed_skips():
    lines = (TESTS / "allowed_skips.txt").read_text(encoding="utf-8").splitlines()
    return {line.strip() for line in lines if line.strip() and not line.startswith("#")}
