"""Every stop() is called at once, and none can keep the report of the others from leaving."""

from __future__ import annotations

import asyncio
import threading
import time

from device_worker.movables import Movable
from device_worker.stop_calls import MOST_AT_ONCE, MOST_NAMED, NO_STOP, StopCalls

LONG_S = 5.0


class Motor:
    """Stops as a test says."""

    def __init__(self, act=lambda: None):
        self._act = act
        self.options = []

    def stop(self, **options):
        """Stop."""
        self.options.append(options)
        self._act()


class PlainMotor:
    """Wants to know nothing when it stops."""

    def __init__(self):
        self.calls = 0

    def stop(self):
        """Count it."""
        self.calls += 1


class AsyncMotor:
    """Stops in the event loop."""

    def __init__(self):
        self.loop = None

    async def stop(self, success=True):
        """Note where it runs, and with what."""
        self.loop, self.success = asyncio.get_running_loop(), success


def stop(loop, devices, within_s=LONG_S):
    calls = StopCalls([Movable(name, device) for name, device in devices.items()], loop)
    calls.start()
    return calls.report(3, time.monotonic() + within_s)


def test_what_has_stopped_failed_and_cannot_stop_is_told_apart(loop):
    def fail():
        raise OSError("no answer")

    report = stop(loop, {"good": Motor(), "bad": Motor(fail), "without": object()})
    assert (report.order, report.stopped, report.omitted) == (3, ("good",), 0)
    assert [(note.device, note.reason) for note in report.failed] == [("bad", "stop() failed: no answer")]
    assert [(note.device, note.reason) for note in report.not_reached] == [("without", NO_STOP)]


class SulkingMotor:
    """Fails when it is only looked at."""

    @property
    def stop(self):
        """Fail."""
        raise RuntimeError("not now")


def test_a_device_that_cannot_even_be_asked_keeps_no_other_from_stopping(loop):
    good = Motor()
    report = stop(loop, {"sulky": SulkingMotor(), "good": good})
    assert report.stopped == ("good",)
    [note] = report.failed
    assert note.device == "sulky"
    assert "not now" in note.reason


def test_a_device_that_hangs_is_told_of_and_holds_up_no_other(loop):
    go_on = threading.Event()
    report = stop(loop, {"stuck": Motor(go_on.wait), "good": Motor()}, 0.2)
    go_on.set()
    assert report.stopped == ("good",)
    assert [note.reason for note in report.not_reached] == ["its stop() has not returned in time"]


def test_a_device_tells_that_something_went_wrong_where_it_asks_for_it(loop):
    motor, plain = Motor(), PlainMotor()
    assert set(stop(loop, {"a": motor, "b": plain}).stopped) == {"a", "b"}
    assert motor.options == [{"success": False}]
    assert plain.calls == 1


def test_a_device_of_ophyd_async_is_stopped_in_the_event_loop(loop):
    motor = AsyncMotor()
    assert stop(loop, {"a": motor}).stopped == ("a",)
    assert (motor.loop, motor.success) == (loop, False)


def test_a_loop_that_is_blocked_is_named(loop):
    go_on = threading.Event()
    loop.call_soon_threadsafe(go_on.wait)
    report = stop(loop, {"a": AsyncMotor(), "good": Motor()}, 0.2)
    go_on.set()
    assert report.stopped == ("good",)
    assert "event loop" in report.not_reached[0].reason


def test_where_too_many_hang_the_others_are_told_as_not_called(loop):
    go_on = threading.Event()
    report = stop(loop, {str(number): Motor(go_on.wait) for number in range(MOST_AT_ONCE + 1)}, 0.5)
    go_on.set()
    assert sum("was not called" in note.reason for note in report.not_reached) == 1


def test_a_report_has_room_for_so_many_and_counts_the_rest(loop):
    report = stop(loop, {str(number): object() for number in range(MOST_NAMED + 7)})
    assert (len(report.not_reached), report.omitted) == (MOST_NAMED, 7)
