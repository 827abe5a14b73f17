"""Whatever a plan raises becomes a message and a traceback that fit into a report."""

from __future__ import annotations

import pytest

import device_worker
from device_worker.excerpt import MESSAGE_LIMIT_CHARS, TRACEBACK_LIMIT_CHARS
from device_worker.profile import ItemResolutionError
from device_worker.run_engine.build import contain_exit
from device_worker.run_engine.outcome import describe_failure


def failure_of(plan):
    with pytest.raises(Exception) as caught:  # noqa: PT011 - any error will do
        list(contain_exit(plan()))
    return describe_failure(caught.value)


def test_the_message_names_the_error_and_the_traceback_the_plan_but_not_the_worker():
    def plan():
        yield
        raise ValueError("no beam")

    ending = failure_of(plan)
    assert (ending.outcome, ending.message) == ("failed", "ValueError: no beam")
    assert ", in plan\n" in ending.traceback
    assert device_worker.__path__[0] not in ending.traceback


def test_the_cause_is_told_without_the_worker_as_well():
    def plan():
        yield
        raise SystemExit("enough")

    ending = failure_of(plan)
    assert "SystemExit('enough')" in ending.message
    assert "direct cause" in ending.traceback
    assert ", in plan\n" in ending.traceback
    assert device_worker.__path__[0] not in ending.traceback


def test_the_parts_of_a_group_are_told():
    def plan():
        yield
        raise ExceptionGroup("two devices", [OSError("motor"), TimeoutError("detector")])

    ending = failure_of(plan)
    assert "two devices" in ending.message
    assert "OSError: motor" in ending.traceback
    assert "TimeoutError: detector" in ending.traceback


def test_an_item_that_does_not_fit_is_told_as_it_is():
    ending = describe_failure(ItemResolutionError("Plan 'count', parameter 'num': what?", "num"))
    assert (ending.message, ending.traceback) == ("Plan 'count', parameter 'num': what?", "")


def test_a_huge_error_fits_into_a_report():
    ending = describe_failure(ValueError("begin" + "x" * 1_000_000 + "end"))
    assert len(ending.message) < MESSAGE_LIMIT_CHARS + 100
    assert len(ending.traceback) < TRACEBACK_LIMIT_CHARS + 100
    assert ending.message.startswith("ValueError: begin")


class Unspeakable(Exception):
    """An error that cannot even be printed."""

    def __str__(self):
        raise RuntimeError


@pytest.mark.parametrize("error", [Unspeakable(), ValueError("\udcff"), ValueError(), KeyboardInterrupt()])
def test_any_error_can_be_told(error):
    ending = describe_failure(error)
    assert type(error).__name__ in ending.message
    ending.message.encode()
    ending.traceback.encode()
