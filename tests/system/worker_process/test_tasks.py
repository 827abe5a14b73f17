"""Functions and scripts run in a real worker, each once, and their ends are told until they are acknowledged."""

from __future__ import annotations

import itertools
import signal
import time

import pytest

from queue_server.protocol.worker_link import (
    CatalogPage,
    Close,
    EnvironmentClosed,
    EnvironmentOpened,
    EnvironmentUpdated,
    Heartbeat,
    Hello,
    ItemFinished,
    Metadata,
    Progress,
    RunTask,
    TaskFinished,
)
from tests.doubles.router import Router
from tests.doubles.worker_process import Plan, Worker

numbers = itertools.count(1)
WAIT = """
def wait_for(path):
    import pathlib, time
    while not pathlib.Path(path).exists():
        time.sleep(0.02)
    return path
"""


class Task:
    """One task on its way through a worker, seen from the manager's side."""

    def __init__(self, router):
        self.router = router
        self.uid = f"task-{next(numbers)}"

    def order(self, kind, in_background=False, **content):
        """Order the worker to run it."""
        self.message = RunTask(task_uid=self.uid, task=kind, in_background=in_background, content=content)
        self.router.send(self.message)
        return self

    def call(self, name, *args, in_background=False, **kwargs):
        """Order a function."""
        return self.order("function", in_background, name=name, args=list(args), kwargs=kwargs)

    def script(self, script, *, in_background=False, **options):
        """Order a script."""
        return self.order("script", in_background, script=script, **options)

    def finished(self) -> TaskFinished:
        """Return the report of its end, which may have come already."""
        came = [report for report in self.router.of(TaskFinished) if report.task_uid == self.uid]
        return came[0] if came else self.router.wait_for(TaskFinished, lambda report: report.task_uid == self.uid)

    def succeeded(self):
        """Wait for its end and return its value."""
        finished = self.finished()
        assert finished.success, finished
        return finished.return_value


@pytest.fixture
def manager(shared):
    """The manager's end of the link of the shared worker, which must execute items at the end of the test."""
    router, _ = shared
    router.messages.clear()
    yield router
    assert Plan(router).order("count", ["det1"]).finished().outcome == "completed"


def plans(router):
    pages = [page for page in router.of(CatalogPage) if page.catalog == "plans"]
    return {name: entry for page in pages for name, entry in page.entries.items()}


def test_a_script_defines_a_plan_that_is_listed_before_the_end_is_told_and_can_be_executed(manager):
    script = "from bluesky import plan_stubs\ndef wiggle(times: int = 3):\n    yield from plan_stubs.null()\n"
    Task(manager).script(script).succeeded()
    assert plans(manager)["wiggle"]["parameters"][0]["name"] == "times"
    kinds = [type(message) for message in manager.of(CatalogPage, EnvironmentUpdated, TaskFinished)]
    assert kinds == [CatalogPage, CatalogPage, EnvironmentUpdated, TaskFinished]
    assert Plan(manager).order("wiggle", times=2).finished().outcome == "completed"


def test_lists_stay_as_they_are_until_they_are_updated(manager):
    Task(manager).script("def later():\n    yield from count([det1])", update_lists=False).succeeded()
    assert manager.of(CatalogPage, EnvironmentUpdated) == []
    assert "later" in Plan(manager).order("later").finished().message
    Task(manager).order("update", True).succeeded()
    assert "later" in plans(manager)
    assert len(manager.of(EnvironmentUpdated)) == 1
    assert Plan(manager).order("later").finished().points == 1


def test_a_function_gets_plain_values_and_its_own_value_comes_back(manager):
    Task(manager).script("import numpy\ndef scale(x, *, by): return {'by': by, 'x': numpy.array(x) * 2}").succeeded()
    assert Task(manager).call("scale", [1, 2], by="det1").succeeded() == {"by": "det1", "x": [2, 4]}


def test_a_failing_script_is_told_with_its_own_lines_and_changes_no_list(manager):
    finished = Task(manager).script("half_done = 1\nraise OSError('no beam')  # look here").finished()
    assert (finished.success, finished.message) == (False, "OSError: no beam")
    assert "line 2" in finished.traceback
    assert "# look here" in finished.traceback
    assert manager.of(EnvironmentUpdated) == []


@pytest.mark.parametrize("in_background", [False, True])
def test_no_task_ends_the_worker(manager, in_background):
    for code in ("import sys; sys.exit(3)", "raise KeyboardInterrupt"):
        assert not Task(manager).script(code, in_background=in_background).finished().success


def test_background_tasks_run_during_a_plan_and_foreground_tasks_are_refused(manager, go):
    Task(manager).script(WAIT).succeeded()
    plan = Plan(manager).order("measure_around", str(go)).started()
    background = Task(manager).call("wait_for", str(go), in_background=True)
    refused = Task(manager).call("wait_for", str(go)).finished()
    assert (refused.success, "a plan is under way" in refused.message) == (False, True)
    go.touch()
    assert plan.finished().outcome == "completed"
    assert background.succeeded() == str(go)


def test_a_task_that_comes_twice_runs_once(manager):
    task = Task(manager).script("arrivals = globals().get('arrivals', 0) + 1\ndef tell(): return arrivals")
    manager.send(task.message)
    task.succeeded()
    manager.send(task.message)
    assert Task(manager).call("tell").succeeded() == 1
    assert len([report for report in manager.of(TaskFinished) if report.task_uid == task.uid]) == 1


def test_metadata_are_told_after_plans_and_tasks_before_their_end(manager):
    Task(manager).script("RE.md['beams'] = ('gold', 2)\nRE.md['odd'] = 1j", update_lists=False).succeeded()
    before, finished = manager.of(Metadata, TaskFinished)
    assert (before.values["beams"], before.values["odd"]) == (["gold", 2], "1j")
    Task(manager).script("del RE.md['odd']", update_lists=False).succeeded()
    scan_id = before.values.get("scan_id", 0)
    Plan(manager).order("count", ["det1"]).finished()
    metadata, finished = manager.of(Metadata, ItemFinished)[-2:]
    assert isinstance(finished, ItemFinished)
    assert metadata.values["scan_id"] == scan_id + 1


def test_the_run_engine_stays_unless_it_is_to_be_replaced(manager):
    script = "from bluesky import RunEngine\nRE = RunEngine({'which': 'new'})"
    Task(manager).script(script).succeeded()
    Plan(manager).order("count", ["det1"]).finished()
    assert "which" not in manager.of(Metadata)[-1].values
    Task(manager).script(script, update_re=True).succeeded()
    plan = Plan(manager).order("count", ["det1"], num=3)
    assert plan.finished().points == 3
    assert plan.states == ["running", "idle"]
    assert [message.points for message in plan.reports(Progress)][-1] == 3
    assert manager.of(Metadata)[-1].values["which"] == "new"


def test_a_plan_on_a_new_run_engine_is_paused_and_resumed(manager, go):
    Task(manager).script("from bluesky import RunEngine\nRE = RunEngine({})", update_re=True).succeeded()
    plan = Plan(manager).order("measure_around", str(go)).started().pause().paused()
    go.touch()
    assert plan.proceed("resume").finished().outcome == "completed"


def test_the_heart_beats_during_a_long_foreground_task(manager, go):
    Task(manager).script(WAIT).succeeded()
    task = Task(manager).call("wait_for", str(go))
    manager.messages.clear()
    for _ in range(3):
        assert manager.wait_for(Heartbeat).main_thread_age_s == 0
    go.touch()
    task.succeeded()


def test_tasks_are_told_in_each_hello_until_their_end_is_acknowledged(worker, router, go):
    Task(router).script(WAIT).succeeded()
    foreground = Task(router).call("wait_for", str(go))
    background = Task(router).call("wait_for", str(go), in_background=True)
    router.wait_for(Heartbeat)
    router.close()
    with Router(worker.address, epoch=2, acknowledges=False) as second:
        assert set(second.wait_for(Hello).tasks) == {foreground.uid, background.uid}
        assert second.wait_for(Metadata).values is not None
        go.touch()
        ends = {second.wait_for(TaskFinished).task_uid for _ in range(2)}
        assert ends == {foreground.uid, background.uid}
    with Router(worker.address, epoch=3) as third:
        assert set(third.wait_for(Hello).tasks) == ends
        assert {third.wait_for(TaskFinished).task_uid for _ in range(2)} == ends
        third.wait_for(Heartbeat)
    with Router(worker.address, epoch=4) as fourth:
        assert fourth.wait_for(Hello).tasks == ()


@pytest.mark.night
def test_new_lists_are_told_again_until_they_are_acknowledged(directory):
    with Router(f"ipc://{directory}/link") as router, Worker(directory) as worker:
        router.wait_for(EnvironmentOpened)
        router.acknowledges = False
        Task(router).script("def later():\n    yield from count([det1])").succeeded()
        router.close()
        with Router(worker.address, epoch=2) as second:
            second.wait_for(EnvironmentUpdated)
            assert "later" in plans(second)
            second.wait_for(TaskFinished)


def test_the_environment_is_closed_during_a_background_task_but_not_a_foreground_task(worker, router, go):
    Task(router).script(WAIT).succeeded()
    Task(router).call("wait_for", "/never", in_background=True)
    foreground = Task(router).call("wait_for", str(go))
    router.send(Close())
    router.wait_for_console("The order to close is dropped")
    go.touch()
    foreground.succeeded()
    router.send(Close())
    router.wait_for(EnvironmentClosed)
    assert worker.wait() == 0


@pytest.mark.night
def test_a_worker_ends_after_its_foreground_task_where_a_signal_is_repeated(worker, router, go):
    Task(router).script(WAIT).succeeded()
    task = Task(router).call("wait_for", str(go))
    time.sleep(0.2)
    worker.process.send_signal(signal.SIGTERM)
    router.wait_for_console("SIGTERM is ignored while a task runs")
    worker.process.send_signal(signal.SIGTERM)
    router.wait_for_console("the worker ends after the task")
    go.touch()
    task.succeeded()
    router.wait_for(EnvironmentClosed)
    assert worker.wait() == 0
