"""What the worker answers to its link."""

from __future__ import annotations

import pytest

from device_worker.activity import Activity
from device_worker.commands import Commands, End
from device_worker.link import EXIT_DISMISSED, LinkedWorker
from device_worker.task_orders import TaskOrders
from queue_server.clock import ManualClock
from queue_server.protocol.items import AttemptKey
from queue_server.protocol.worker_link import Close, Execute, RunTask

KEY = AttemptKey("item", "submission", "default", 1, 1)


class Silence:
    """A reporter that nobody listens to."""

    def report(self, report):
        pass

    def show_progress(self, progress):
        pass

    def show_metadata(self, metadata):
        pass


@pytest.fixture
def activity():
    return Activity()


@pytest.fixture
def commands(activity):
    return Commands("default", activity, Silence())


@pytest.fixture
def exits():
    return []


@pytest.fixture
def worker(activity, commands, exits):
    return LinkedWorker(activity, commands, TaskOrders(activity, commands, Silence(), ManualClock()), exits.append)


def waiting(commands):
    commands.end("end of the test")
    return commands.next_command()


def test_it_tells_its_standing_and_passes_orders_on(worker, activity, commands):
    activity.open()
    assert worker.standing() == activity.standing
    worker.take(Close(), 1)
    assert waiting(commands) == Close()


def test_nothing_is_late_before_there_is_a_run_engine(worker):
    assert worker.main_thread_age_s() == 0.0
    worker.watch_loop(lambda: 3.5)
    assert worker.main_thread_age_s() == 3.5


def test_a_dismissed_worker_exits_at_once(worker, exits, caplog):
    worker.dismiss("the lane is served by another worker")
    assert exits == [EXIT_DISMISSED]
    assert "another worker" in caplog.text


def test_an_idle_worker_ends_when_the_manager_stays_away(worker, activity, commands):
    activity.open()
    worker.notice_absence(3600.0)
    assert waiting(commands) == End("no manager")


@pytest.mark.parametrize("loading", [True, False])
def test_a_busy_worker_stays_without_a_manager(worker, activity, commands, loading):
    if not loading:
        activity.open()
        commands.take(Execute(attempt=KEY, content={}), 1)
        commands.next_command()
    worker.notice_absence(3600.0)
    assert waiting(commands) == End("end of the test")


def test_a_worker_without_its_link_ends(worker, commands):
    worker.link_ended()
    assert waiting(commands) == End("the link has ended")


def test_tasks_are_passed_on_and_keep_a_worker_without_a_manager(worker, activity, commands):
    activity.open()
    order = RunTask(task_uid="one", task="update", in_background=False, content={})
    worker.take(order, 1)
    assert commands.next_command() == order
    worker.notice_absence(3600.0)
    assert waiting(commands) == End("end of the test")
