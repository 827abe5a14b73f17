"""The emergency stop inside the worker: stops the devices and ends the plan, whatever the main thread is doing.

The link's thread hands an order over and goes on; a thread for each order carries it out. First the plan is paused and
every movable device told to stop, at the same time; then the report leaves; then the plan is aborted, and halted if it
has not ended in time. A process that cannot do this any more is killed by the manager.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal, Protocol

from device_worker.activity import Activity, Emergency
from device_worker.commands import Commands
from device_worker.movables import Movable, Movables
from queue_server.protocol.items import AttemptKey
from queue_server.protocol.worker_link import EmergencyStop, StopReport

_log = logging.getLogger(__name__)


class Stops(Protocol):
    """Devices that are being stopped."""

    def report(self, number: int, until_s: float) -> StopReport:
        """Wait for all of them, at most until ``until_s`` on the monotonic clock, and tell what was reached."""
        ...


class Hardware(Protocol):
    """The open environment, as far as everything in it can be stopped."""

    def begin_stops(self, movables: Sequence[Movable]) -> Stops:
        """Begin to stop devices; returns at once."""
        ...

    def end_plan(self, option: Literal["abort", "halt"], reason: str) -> None:
        """End a plan that is not paused; this may block."""
        ...


class EmergencyStops:
    """Carries out emergency stops; ``tell`` sends a report at once."""

    def __init__(self, activity: Activity, commands: Commands, tell: Callable[[StopReport], None]) -> None:
        self._activity = activity
        self._commands = commands
        self._tell = tell
        self._hardware: Hardware | None = None
        self._guard = threading.Lock()
        self._ending: AttemptKey | None = None
        self.movables = Movables()

    def use(self, hardware: Hardware) -> None:
        """Stop this hardware from now on."""
        self._hardware = hardware

    def take(self, order: EmergencyStop) -> None:
        """Carry an order out; returns at once."""
        ordered_s = time.monotonic()
        # From here on no plan gets a device moved.
        self._activity.stop(Emergency(order.reason))
        _log.warning("EMERGENCY STOP: %s", order.reason)
        self._start("emergency stop", partial(self._carry_out, order, self._activity.attempt, ordered_s))

    def _start(self, name: str, action: Callable[[], None]) -> None:
        try:
            threading.Thread(target=action, name=name, daemon=True).start()
        except RuntimeError as error:
            _log.error("There is no thread for an %s, and the manager kills this process: %s", name, error)

    def _carry_out(self, order: EmergencyStop, attempt: AttemptKey | None, ordered_s: float) -> None:
        if attempt is not None:
            self._commands.pause_now(attempt)
        report = StopReport(order=order.number)
        if self._hardware is not None:
            stops = self._hardware.begin_stops(self.movables.list())
            report = stops.report(order.number, ordered_s + order.devices_s)
        self._tell(report)
        _log.warning(
            "Emergency stop: %d devices stopped, %d failed, %d not reached",
            len(report.stopped),
            len(report.failed),
            len(report.not_reached),
        )
        if attempt is not None and self._is_mine_to_end(attempt):
            self._end(order, attempt, ordered_s)

    def _is_mine_to_end(self, attempt: AttemptKey) -> bool:
        """Whether no other order ends this attempt already; asked once by each order."""
        with self._guard:
            is_first, self._ending = attempt != self._ending, attempt
            return is_first

    def _end(self, order: EmergencyStop, attempt: AttemptKey, ordered_s: float) -> None:
        # A plan that is paused is ended by the main thread, which waits for it.
        self._activity.wait_paused(attempt, ordered_s + order.devices_s - time.monotonic())
        self._end_plan(attempt, "abort", order.reason)
        if self._activity.wait_over(attempt, ordered_s + order.halt_after_s - time.monotonic()):
            return
        if self._activity.halt(attempt, order.reason):
            _log.warning("The plan has not ended in time and is halted")
            self._end_plan(attempt, "halt", order.reason)

    def _end_plan(self, attempt: AttemptKey, option: Literal["abort", "halt"], reason: str) -> None:
        standing = self._activity.standing
        if standing.attempt != attempt:
            return
        if standing.re_state == "paused" or option == "halt":
            self._commands.end_plan(attempt, option)
        if standing.re_state != "paused" and self._hardware is not None:
            self._start(f"{option} of the plan", partial(self._hardware.end_plan, option, f"emergency stop: {reason}"))
