"""Runs tasks: a function or a script in the namespace of the environment, or new lists of plans and devices.

A foreground task runs on the main thread, a background task in a daemon thread of its own. What runs in the
background shares the namespace with plans and other tasks, and nothing here protects one from the other.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from device_worker.excerpt import cut_message, cut_traceback
from device_worker.parts import EnvironmentParts
from device_worker.plain_value import NotPlainError, make_plain, show
from device_worker.profile import ProfileError
from device_worker.run_engine.outcome import describe_failure
from queue_server.client.outbox import UNNUMBERED
from queue_server.protocol.worker_link import RunTask, TaskFinished

_log = logging.getLogger(__name__)


class Workplace(Protocol):
    """What tasks do to the environment; whatever their code raises passes."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop of the RunEngine."""
        ...

    def call_function(self, name: str, args: list[Any], kwargs: Mapping[str, Any]) -> object:
        """Call a function of the namespace and return what it returns."""
        ...

    def execute_script(self, script: str, label: str, *, update_re: bool) -> None:
        """Execute a script in the namespace."""
        ...

    def update_lists(self) -> None:
        """Describe the plans and devices again, and report the new lists."""
        ...

    def set_device(self, name: str, value: Any, timeout_s: float) -> None:
        """Set a device, and wait until it is there."""
        ...

    def stop_device(self, name: str) -> None:
        """Stop a device."""
        ...

    def show_metadata(self) -> None:
        """Send the metadata of the RunEngine."""
        ...


@dataclass(frozen=True, slots=True)
class _End:
    success: bool = True
    message: str = ""
    traceback: str = ""
    return_value: Any = None


class Tasks:
    """The tasks of one environment; each ends with one report, after which the main thread is free again."""

    def __init__(self, workplace: Workplace, parts: EnvironmentParts) -> None:
        self._workplace = workplace
        self._parts = parts

    def start(self) -> None:
        """Begin to take background tasks."""
        threading.Thread(target=self._serve, name="tasks", daemon=True).start()

    def run(self, order: RunTask) -> None:
        """Run a task in this thread and report how it ended; nothing that it does is raised."""
        parts = self._parts
        time_start = parts.clock.wall()
        _log.info("Starting the task: %s (%s)", order.task, order.task_uid)
        end = self._perform(order)
        if end.success:
            _log.info("The task ended (%s)", order.task_uid)
        else:
            _log.error("The task failed (%s): %s\n%s", order.task_uid, end.message, end.traceback)
        self._workplace.show_metadata()
        if not order.in_background:
            # The next item may arrive as soon as the report has left.
            parts.activity.free_main_thread()
        parts.reporter.report(
            TaskFinished(
                number=UNNUMBERED,
                task_uid=order.task_uid,
                success=end.success,
                message=end.message,
                traceback=end.traceback,
                return_value=end.return_value,
                time_start=time_start,
                time_stop=max(parts.clock.wall(), time_start),
            )
        )
        # Only now, since a hello tells the tasks that run and those whose report waits: none must be missing.
        parts.activity.end_task(order.task_uid)

    def _serve(self) -> None:
        while True:
            order = self._parts.task_orders.next_background()
            thread = threading.Thread(target=self._run_aside, args=(order,), name=f"task {order.task_uid}", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:
                self._parts.task_orders.refuse(order, str(error))
                self._parts.activity.end_task(order.task_uid)

    def _run_aside(self, order: RunTask) -> None:
        # Code that asks for the event loop of its thread expects that of the RunEngine, as on the main thread.
        asyncio.set_event_loop(self._workplace.loop)
        self.run(order)

    def _perform(self, order: RunTask) -> _End:
        try:
            with _contained():
                return self._do(order)
        except ProfileError as error:
            return _End(False, cut_message(str(error)), cut_traceback(error.traceback))

    def _do(self, order: RunTask) -> _End:
        content = order.content
        if order.task == "function":
            args, kwargs = content.get("args") or [], content.get("kwargs") or {}
            return _keep(self._workplace.call_function(content["name"], args, kwargs))
        if order.task == "device_set":
            self._workplace.set_device(content["device"], content["value"], content["within_s"])
            return _End()
        if order.task == "device_stop":
            self._workplace.stop_device(content["device"])
            return _End()
        if order.task == "script":
            update_re = content.get("update_re", False)
            self._workplace.execute_script(content["script"], order.task_uid, update_re=update_re)
        if order.task == "update" or content.get("update_lists", True):
            self._workplace.update_lists()
        return _End()


def _keep(value: object) -> _End:
    try:
        return _End(return_value=make_plain(value))
    except NotPlainError as error:
        note = f"The return value is given as text, since it cannot be put into a message: {error}"
        return _End(message=cut_message(note), return_value=show(value))


@contextmanager
def _contained() -> Iterator[None]:
    """Translate whatever is raised inside the block, the attempt to end the process included.

    Raises:
        ProfileError: with the traceback from the first frame that is not the worker's own.
    """
    try:
        yield
    except ProfileError:
        raise
    except BaseException as error:
        ending = describe_failure(error)
        raise ProfileError(ending.message, ending.traceback) from error
