"""Journeys about waiting: for states, for conditions, with a limit, and until somebody cancels."""

from __future__ import annotations

from bluesky_queueserver_api import WaitMonitor
from steps import PATIENCE_S, equal, raised, run_slow_plan, status_now, wait_idle

WAITS = ("wait_for_idle", "wait_for_idle_or_paused", "wait_for_idle_or_running")


def end_at_the_state():
    yield from run_slow_plan()
    yield lambda rm: rm.wait_for_idle_or_running(timeout=PATIENCE_S)
    equal((yield from status_now())["manager_state"], "executing_queue")
    yield lambda rm: rm.re_pause()
    yield lambda rm: rm.wait_for_idle_or_paused(timeout=PATIENCE_S)
    equal((yield from status_now())["manager_state"], "paused")
    yield lambda rm: rm.re_resume()
    yield lambda rm: rm.wait_for_idle_or_running(timeout=PATIENCE_S)
    yield from wait_idle()
    equal((yield from status_now())["items_in_history"], 1)
    for name in WAITS:
        monitor = WaitMonitor()
        yield lambda rm, name=name, monitor=monitor: getattr(rm, name)(timeout=PATIENCE_S, monitor=monitor)
        equal((monitor.timeout, monitor.is_cancelled), (PATIENCE_S, False))


def end_with_the_time():
    late, monitor = (yield lambda rm: rm.WaitTimeoutError), WaitMonitor()
    yield from raised(lambda rm: rm.wait_for_condition(lambda _: False, timeout=0.2, monitor=monitor), late)
    equal((monitor.timeout, monitor.time_start > 0, monitor.time_elapsed >= 0.2), (0.2, True, True))

    def give_up(_):
        monitor.set_timeout(0)

    yield from raised(lambda rm: rm.wait_for_condition(give_up, timeout=PATIENCE_S, monitor=monitor), late)


def end_when_cancelled():
    cancelled, monitor, told = (yield lambda rm: rm.WaitCancelError), WaitMonitor(), []
    monitor.add_cancel_callback(lambda: told.append("cancelled"))

    def cancel(_):
        monitor.cancel()

    call = lambda rm: rm.wait_for_condition(cancel, timeout=PATIENCE_S, monitor=monitor)  # noqa: E731
    yield from raised(call, cancelled)
    equal((monitor.is_cancelled, told), (True, ["cancelled"]))
