"""Orders are fenced by attempt, epoch, lane and state; signals to end spare a running plan once."""

from __future__ import annotations

import pytest

from device_worker.activity import Activity
from device_worker.commands import REMEMBERED_ATTEMPTS, Commands, End, Wake
from queue_server.protocol.items import AttemptKey
from queue_server.protocol.worker_link import Close, Continue, Execute, OrderRefused, Pause

EPOCH = 5


def key(number=1, epoch=EPOCH, lane="default"):
    return AttemptKey(f"item-{number}", f"submission-{number}", lane, 1, epoch)


def execute(attempt):
    return Execute(attempt=attempt, content={"name": "count"})


class Reports(list):
    """A reporter that keeps what it is given."""

    def report(self, report):
        self.append(report)

    def show_progress(self, progress):
        self.append(progress)

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


def taken(commands):
    """Everything that waits for the main thread."""
    commands.end("end of the test")
    found = []
    while not isinstance(command := commands.next_command(), End) or command.reason != "end of the test":
        found.append(command)
    return found


def test_an_item_is_accepted_at_once_so_that_a_pause_finds_it(commands, activity):
    commands.take(execute(key()), EPOCH)
    assert activity.attempt == key()
    commands.take(Pause(attempt=key(), option="deferred"), EPOCH)
    assert commands.next_pause().option == "deferred"
    assert taken(commands) == [execute(key())]


@pytest.mark.parametrize(
    ("attempt", "reason"),
    [
        (key(lane="other"), "another lane"),
        (key(epoch=EPOCH + 1), "late"),
    ],
)
def test_an_item_that_is_not_meant_now_is_dropped(commands, activity, caplog, attempt, reason):
    commands.take(execute(attempt), EPOCH)
    assert taken(commands) == []
    assert activity.attempt is None
    assert reason in caplog.text


def test_an_item_of_an_earlier_epoch_is_taken_until_a_later_one_was(commands, activity):
    """The key keeps the epoch in which the attempt was started, also where it is dispatched again later."""
    commands.take(execute(key(1, epoch=4)), EPOCH)
    activity.end()
    commands.take(execute(key(2, epoch=5)), EPOCH)
    activity.end()
    commands.take(execute(key(3, epoch=4)), EPOCH)
    assert taken(commands) == [execute(key(1, epoch=4)), execute(key(2, epoch=5))]


def test_an_item_is_taken_once_also_when_it_has_ended(commands, activity, reports):
    commands.take(execute(key(1)), EPOCH)
    commands.take(execute(key(1)), EPOCH)
    commands.take(execute(key(2)), EPOCH)
    activity.end()
    commands.take(execute(key(1)), EPOCH)
    assert taken(commands) == [execute(key(1))]
    assert reports == []


def test_the_memory_of_attempts_is_bounded(commands, activity):
    for number in range(REMEMBERED_ATTEMPTS + 1):
        commands.take(execute(key(number)), EPOCH)
        activity.end()
    commands.take(execute(key(REMEMBERED_ATTEMPTS)), EPOCH)
    assert len(taken(commands)) == REMEMBERED_ATTEMPTS + 1


def test_nothing_is_executed_before_the_environment_is_open(reports):
    activity = Activity()
    commands = Commands("default", activity, reports)
    commands.take(execute(key()), EPOCH)
    assert activity.attempt is None
    assert taken(commands) == []


def test_nothing_is_executed_after_the_order_to_close(commands, activity):
    commands.take(Close(), EPOCH)
    commands.take(execute(key()), EPOCH)
    assert activity.attempt is None
    assert taken(commands) == [Close()]


def test_the_environment_is_not_closed_during_a_plan(commands):
    commands.take(execute(key()), EPOCH)
    commands.take(Close(), EPOCH)
    assert taken(commands) == [execute(key())]


def test_an_order_for_another_attempt_is_dropped_without_a_report(commands, reports):
    commands.take(execute(key()), EPOCH)
    commands.accept_continue()
    commands.take(Continue(attempt=key(2), option="abort"), EPOCH)
    commands.take(Continue(attempt=key(1, epoch=4), option="abort"), EPOCH)
    assert taken(commands) == [execute(key())]
    assert reports == []


def test_each_pause_takes_one_order_to_continue(commands, reports):
    commands.take(execute(key()), EPOCH)
    orders = [Continue(attempt=key(), option=option) for option in ("halt", "resume", "stop")]
    commands.take(orders[0], EPOCH)
    commands.accept_continue()
    commands.take(orders[1], EPOCH)
    commands.take(orders[2], EPOCH)
    assert taken(commands) == [execute(key()), orders[1]]
    assert [type(report) for report in reports] == [OrderRefused, OrderRefused]
    assert [report.order for report in reports] == ["halt", "stop"]


def test_a_signal_ends_an_idle_worker(commands):
    commands.terminate("SIGTERM")
    assert taken(commands) == [End("SIGTERM")]


def test_only_a_repeated_signal_pauses_and_ends_a_plan(commands, caplog):
    commands.take(execute(key()), EPOCH)
    commands.terminate("SIGTERM")
    assert taken(commands) == [execute(key())]
    assert "item-1" in caplog.text
    commands.terminate("SIGTERM")
    assert commands.next_pause() == Pause(attempt=key(), option="immediate")
    assert taken(commands) == [End("SIGTERM was sent twice")]


def test_a_signal_long_after_the_first_counts_as_a_first_one_again(activity, reports):
    times = iter([0.0, 61.0, 120.0])
    commands = Commands("default", activity, reports, monotonic=lambda: next(times))
    commands.take(execute(key()), EPOCH)
    for expected in ([execute(key())], [], [End("SIGTERM was sent twice")]):
        commands.terminate("SIGTERM")
        assert taken(commands) == expected


def test_another_thread_wakes_the_main_thread(commands):
    commands.wake()
    assert taken(commands) == [Wake()]
