"""Each task is taken once; one that cannot be begun is refused with a report."""

from __future__ import annotations

import pytest

from device_worker.activity import Activity
from device_worker.commands import Commands, End
from device_worker.task_orders import MOST_TASKS, REMEMBERED_TASKS, TaskOrders
from queue_server.clock import ManualClock
from queue_server.protocol.items import AttemptKey
from queue_server.protocol.worker_link import Close, Execute, RunTask, TaskFinished

KEY = AttemptKey("item", "submission", "default", 1, 1)


def task(uid="one", *, in_background=False):
    return RunTask(task_uid=uid, task="function", in_background=in_background, content={"name": "f"})


class Reports(list):
    """A reporter that keeps what it is given."""

    def report(self, report):
        self.append(report)

    def show_progress(self, progress):
        pass

    def show_metadata(self, metadata):
        pass


@pytest.fixture
def reports():
    return Reports()


@pytest.fixture
def activity():
    activity = Activity()
    activity.open()
    return activity


@pytest.fixture
def commands(activity, reports):
    return Commands("default", activity, reports)


@pytest.fixture
def orders(activity, commands, reports):
    return TaskOrders(activity, commands, reports, ManualClock())


def waiting(commands):
    commands.end("end of the test")
    found = []
    while not isinstance(command := commands.next_command(), End) or command.reason != "end of the test":
        found.append(command)
    return found


def test_a_foreground_task_goes_to_the_main_thread(orders, commands, activity):
    orders.take(task())
    assert (activity.foreground_task, activity.standing.tasks) == ("one", ("one",))
    assert waiting(commands) == [task()]


def test_background_tasks_have_a_way_of_their_own_also_during_a_plan(orders, commands, activity):
    commands.take(Execute(attempt=KEY, content={}), 1)
    for uid in ("one", "two"):
        orders.take(task(uid, in_background=True))
    assert [orders.next_background().task_uid for _ in range(2)] == ["one", "two"]
    assert (activity.foreground_task, activity.standing.tasks) == (None, ("one", "two"))
    assert waiting(commands) == [Execute(attempt=KEY, content={})]


def test_a_task_is_taken_once_also_when_it_has_ended(orders, commands, activity, reports, caplog):
    orders.take(task())
    orders.take(task())
    activity.free_main_thread()
    activity.end_task("one")
    orders.take(task())
    assert waiting(commands) == [task()]
    assert reports == []
    assert "taken before" in caplog.text


def test_the_memory_of_tasks_is_bounded(orders, activity, commands):
    for number in range(REMEMBERED_TASKS + 1):
        orders.take(task(str(number)))
        activity.free_main_thread()
        activity.end_task(str(number))
    orders.take(task(str(REMEMBERED_TASKS)))
    assert len(waiting(commands)) == REMEMBERED_TASKS + 1


def refusal(reports):
    (report,) = reports
    assert isinstance(report, TaskFinished)
    assert not report.success
    return report.message


def test_no_task_begins_before_the_environment_is_open(reports):
    activity = Activity()
    commands = Commands("default", activity, reports)
    TaskOrders(activity, commands, reports, ManualClock()).take(task(in_background=True))
    assert "not open" in refusal(reports)
    assert activity.standing.tasks == ()


def test_no_task_begins_after_the_order_to_close(orders, commands, reports):
    commands.take(Close(), 1)
    orders.take(task())
    assert "being closed" in refusal(reports)


def test_a_foreground_task_is_refused_during_a_plan(orders, commands, reports):
    commands.take(Execute(attempt=KEY, content={}), 1)
    orders.take(task())
    assert "a plan is under way" in refusal(reports)


def test_a_foreground_task_is_refused_during_another(orders, activity, reports):
    orders.take(task())
    orders.take(task("two"))
    assert "another task" in refusal(reports)
    assert activity.foreground_task == "one"


def test_there_are_not_too_many_tasks(orders, reports):
    for number in range(MOST_TASKS):
        orders.take(task(str(number), in_background=True))
    orders.take(task("more", in_background=True))
    assert f"at most {MOST_TASKS}" in refusal(reports)


def test_the_environment_is_closed_during_background_tasks_only(orders, commands, activity):
    orders.take(task())
    commands.take(Close(), 1)
    assert waiting(commands) == [task()]
    activity.free_main_thread()
    orders.take(task("two", in_background=True))
    commands.take(Close(), 1)
    assert waiting(commands) == [Close()]


def test_only_a_repeated_signal_ends_the_worker_after_a_foreground_task(orders, commands, caplog):
    orders.take(task())
    commands.terminate("SIGTERM")
    assert waiting(commands) == [task()]
    assert "SIGTERM is ignored while a task runs (one)" in caplog.text
    commands.terminate("SIGTERM")
    assert waiting(commands) == [End("SIGTERM was sent twice")]


def test_a_signal_ends_a_worker_with_background_tasks_at_once(orders, commands):
    orders.take(task(in_background=True))
    commands.terminate("SIGTERM")
    assert waiting(commands) == [End("SIGTERM")]


def test_a_worker_without_tasks_refuses_each_of_them_for_its_reason(activity, commands, reports):
    orders = TaskOrders(activity, commands, reports, ManualClock(), "there are no tasks here")
    orders.take(task("one"))
    orders.take(task("two", in_background=True))
    assert [(report.task_uid, report.success) for report in reports] == [("one", False), ("two", False)]
    assert "there are no tasks here" in reports[0].message
    assert waiting(commands) == []
