"""Whatever a task does, one report tells how it ended, and the main thread is free before it leaves."""

from __future__ import annotations

import asyncio
import threading
from queue import SimpleQueue

import pytest

from device_worker.activity import Activity
from device_worker.commands import Commands
from device_worker.excerpt import TRACEBACK_LIMIT_CHARS
from device_worker.parts import EnvironmentParts
from device_worker.profile import ProfileError
from device_worker.task_orders import TaskOrders
from device_worker.tasks import Tasks
from queue_server.clock import ManualClock
from queue_server.protocol.worker_link import Close, RunTask, TaskFinished


class Workplace:
    """An environment whose functions a test provides; it notes what is done."""

    def __init__(self, reports):
        self.loop = asyncio.new_event_loop()
        self.functions = {}
        self.reports = reports
        self.broken_lists = False

    def call_function(self, name, args, kwargs):
        return self.functions[name](*args, **kwargs)

    def execute_script(self, script, label, *, update_re):
        self.reports.note(("script", script, label, update_re))

    def update_lists(self):
        if self.broken_lists:
            raise ProfileError("Plan 'p' cannot be described", "its traceback")
        self.reports.note("lists")

    def set_device(self, name, value, timeout_s):
        self.reports.note(("set", name, value, timeout_s))

    def stop_device(self, name):
        self.reports.note(("stop", name))

    def show_metadata(self):
        self.reports.note("metadata")


class Reports:
    """A reporter that keeps what it is given, in order, and what the worker was doing then."""

    def __init__(self, activity):
        self.activity = activity
        self.notes = []
        self.finished: SimpleQueue[TaskFinished] = SimpleQueue()

    def note(self, what):
        self.notes.append(what)

    def report(self, report):
        standing = (self.activity.foreground_task, report.task_uid in self.activity.standing.tasks)
        self.notes.append(("finished", *standing))
        self.finished.put(report)

    def show_progress(self, progress):
        pass

    def show_metadata(self, metadata):
        pass


class Bench:
    """The tasks of an environment that is open."""

    def __init__(self):
        self.activity = Activity()
        self.activity.open()
        self.reports = Reports(self.activity)
        self.clock = ManualClock()
        self.commands = Commands("default", self.activity, self.reports)
        self.orders = TaskOrders(self.activity, self.commands, self.reports, self.clock)
        self.workplace = Workplace(self.reports)
        parts = EnvironmentParts(self.activity, self.commands, self.orders, self.reports, self.clock)
        self.tasks = Tasks(self.workplace, parts)

    def run(self, kind, uid="one", **content) -> TaskFinished:
        """Run a foreground task and return the report of its end."""
        self.orders.take(RunTask(task_uid=uid, task=kind, in_background=False, content=content))
        command = self.commands.next_command()
        assert isinstance(command, RunTask)
        self.tasks.run(command)
        assert uid not in self.activity.standing.tasks
        return self.reports.finished.get(timeout=60)

    def call(self, function, *args, **kwargs):
        """Run a function as a foreground task."""
        self.workplace.functions["f"] = function
        return self.run("function", name="f", args=list(args), kwargs=kwargs)

    def begin(self, uid, function, *args):
        """Begin a function as a background task."""
        self.workplace.functions[uid] = function
        content = {"name": uid, "args": list(args)}
        self.orders.take(RunTask(task_uid=uid, task="function", in_background=True, content=content))


@pytest.fixture
def bench():
    bench = Bench()
    yield bench
    bench.workplace.loop.close()


def test_a_function_is_called_and_its_value_kept(bench):
    finished = bench.call(lambda x, *, by: {"product": x * by}, 2, by=3)
    assert (finished.success, finished.message, finished.return_value) == (True, "", {"product": 6})
    assert finished.task_uid == "one"


def test_arguments_may_be_left_out(bench):
    bench.workplace.functions["f"] = lambda: "fine"
    assert bench.run("function", name="f").return_value == "fine"


def test_the_main_thread_is_free_but_the_task_still_told_when_the_report_leaves(bench):
    bench.call(lambda: None)
    assert bench.reports.notes == ["metadata", ("finished", None, True)]


def test_times_are_those_of_the_task(bench):
    start = bench.clock.wall()
    finished = bench.call(lambda: bench.clock.advance(3))
    assert (finished.time_start, finished.time_stop) == (start, start + 3)


def test_a_clock_that_steps_back_gives_no_negative_duration(bench):
    finished = bench.call(lambda: bench.clock.advance(-3))
    assert finished.time_start == finished.time_stop


def test_a_value_that_json_cannot_say_is_shown_with_a_note(bench):
    finished = bench.call(lambda: {1 + 2j})
    assert (finished.success, finished.return_value) == (True, "{(1+2j)}")
    assert "cannot be put into a message" in finished.message


def shatter():
    raise ValueError("the glass")


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), StopIteration(), asyncio.CancelledError()])
def test_a_function_that_tries_to_end_the_worker_has_failed(bench, error):
    def leave():
        raise error

    finished = bench.call(leave)
    assert not finished.success
    assert type(error).__name__ in finished.message


def test_a_failure_is_told_with_the_traceback_of_the_function_alone(bench):
    finished = bench.call(shatter)
    assert (finished.success, finished.message) == (False, "ValueError: the glass")
    assert "in shatter" in finished.traceback
    assert "device_worker/tasks.py" not in finished.traceback
    assert finished.return_value is None


def test_tracebacks_are_bounded(bench):
    def fail():
        raise ValueError("x" * 10 * TRACEBACK_LIMIT_CHARS)

    finished = bench.call(fail)
    assert len(finished.traceback) < 2 * TRACEBACK_LIMIT_CHARS


def test_an_order_without_a_name_fails(bench):
    assert "KeyError" in bench.run("function").message


def test_the_lists_are_updated_after_a_script_before_its_end_is_reported(bench):
    assert bench.run("script", script="x = 1").success
    assert bench.reports.notes == [("script", "x = 1", "one", False), "lists", "metadata", ("finished", None, True)]


def test_a_script_may_leave_the_lists_and_replace_the_run_engine(bench):
    assert bench.run("script", script="x = 1", update_lists=False, update_re=True).success
    assert bench.reports.notes[:2] == [("script", "x = 1", "one", True), "metadata"]


def test_the_lists_are_updated_alone(bench):
    assert bench.run("update").success
    assert bench.reports.notes[0] == "lists"


def test_lists_that_cannot_be_made_are_a_failure(bench):
    bench.workplace.broken_lists = True
    finished = bench.run("update")
    assert (finished.success, finished.message) == (False, "Plan 'p' cannot be described")
    assert finished.traceback == "its traceback"


def test_background_tasks_run_beside_each_other_and_a_foreground_task(bench):
    bench.tasks.start()
    meeting = threading.Barrier(3, timeout=60)
    for uid in ("a", "b"):
        bench.begin(uid, meeting.wait)
    ends = [bench.call(meeting.wait), *(bench.reports.finished.get(timeout=60) for _ in range(2))]
    assert {end.task_uid for end in ends} == {"a", "b", "one"}
    assert sorted(end.return_value for end in ends) == [0, 1, 2]


def test_background_tasks_find_the_event_loop_of_the_run_engine(bench):
    bench.tasks.start()
    bench.begin("a", lambda: asyncio.get_event_loop() is bench.workplace.loop)
    assert bench.reports.finished.get(timeout=5).return_value is True


def test_background_tasks_do_not_keep_the_environment_open(bench):
    bench.tasks.start()
    go, begun = threading.Event(), threading.Event()
    bench.begin("a", lambda: begun.set() or go.wait(5))
    assert begun.wait(5)
    bench.commands.take(Close(), 1)
    assert bench.commands.next_command() == Close()
    go.set()
    assert bench.reports.finished.get(timeout=60).success
