"""What the worker answers to its link, from the link's thread. Executes nothing."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable

from device_worker.activity import Activity
from device_worker.commands import Commands
from device_worker.emergency_stop import EmergencyStops
from device_worker.reading_orders import Readings
from device_worker.task_orders import TaskOrders
from queue_server.client.worker import Order, Standing
from queue_server.protocol.device_link import ReadDevice
from queue_server.protocol.worker_link import EmergencyStop, RunTask

_log = logging.getLogger(__name__)

EXIT_DISMISSED = 3


class LinkedWorker:
    """The worker as its link sees it."""

    def __init__(
        self,
        activity: Activity,
        commands: Commands,
        task_orders: TaskOrders,
        exit_process: Callable[[int], object] = os._exit,
    ) -> None:
        self._activity = activity
        self._commands = commands
        self._task_orders = task_orders
        self._readings: Readings | None = None
        self._exit_process = exit_process
        self._age_s: Callable[[], float] = lambda: 0.0
        self._stops: EmergencyStops | None = None

    def use_stops(self, stops: EmergencyStops) -> None:
        """Pass emergency stops on to ``stops``."""
        self._stops = stops

    def use_readings(self, readings: Readings) -> None:
        """Pass orders to read devices on to ``readings``."""
        self._readings = readings

    def watch_loop(self, age_s: Callable[[], float]) -> None:
        """From now on, ask ``age_s`` for how long the RunEngine's event loop has not answered."""
        self._age_s = age_s

    def standing(self) -> Standing:
        """Return what the worker is doing now."""
        return self._activity.standing

    def main_thread_age_s(self) -> float:
        """Return for how many seconds the RunEngine has not answered; 0 while startup code is being loaded."""
        return self._age_s()

    def take(self, order: Order, epoch: int) -> None:
        """Pass an order on."""
        if isinstance(order, EmergencyStop):
            if self._stops is not None:
                self._stops.take(order)
        elif isinstance(order, ReadDevice):
            if self._readings is not None:
                self._readings.take(order)
        elif isinstance(order, RunTask):
            self._task_orders.take(order)
        else:
            self._commands.take(order, epoch)

    def dismiss(self, reason: str) -> None:
        """End the process at once: clean-up, of a plan or of the interpreter, could touch hardware that is not ours."""
        _log.error("The manager has dismissed this worker: %s", reason)
        sys.stdout.flush()
        sys.stderr.flush()
        self._exit_process(EXIT_DISMISSED)

    def notice_absence(self, absent_s: float) -> None:
        """End an idle worker that nobody asks for any more; one that runs a plan or a task stays."""
        standing = self._activity.standing
        if standing.environment != "loading" and standing.attempt is None and not standing.tasks:
            _log.warning("No manager for %.0f seconds: the idle worker ends", absent_s)
            self._commands.end("no manager")

    def link_ended(self) -> None:
        """End the process in order: without its link it could never be reached again."""
        self._commands.end("the link has ended")
