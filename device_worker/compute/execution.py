"""One execution of a graph: hands its steps to the scheduler, follows them, and ends what is left when one fails.

It waits in one queue, into which the scheduler's answers and a cancellation are put; nothing polls.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from queue import SimpleQueue
from typing import Any

from device_worker.compute.cluster import Cluster
from device_worker.compute.errors import NodeFailure
from device_worker.compute.outcome import Aborted, Completed, Failed, GraphOutcome, GraphProgress, Unknown
from device_worker.compute.own_code import describe_error
from device_worker.compute.step import StepOrder, perform_step
from device_worker.compute.workplace import Mark, Workplace
from device_worker.excerpt import cut_message

_log = logging.getLogger(__name__)

ANSWER_S = 10.0
_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class StepEnded:
    """The scheduler says that a step has ended; ``status`` is its word for how."""

    step: int
    status: str


@dataclass(frozen=True, slots=True)
class Cancel:
    """Somebody wants the execution to end."""

    reason: str


Events = SimpleQueue[StepEnded | Cancel]


class Execution:
    """The steps of one graph on their way."""

    def __init__(self, orders: Sequence[StepOrder], place: Workplace, cluster: Cluster, events: Events) -> None:
        self._orders = orders
        self._place = place
        self._cluster = cluster
        self._events = events
        # A future that is held keeps the value of its step in the memory of the processes.
        self._futures: dict[int, Any] = {}

    def run(self, token: str, nodes: int, show_progress: Callable[[GraphProgress], None]) -> GraphOutcome:
        """Perform all steps and return how that ended, without the list of files.

        Args:
            token: tells the keys of these steps from those of every other execution.
            nodes: how many of the steps are nodes; the others, which write files, are not counted as progress.
            show_progress: called at the beginning and for each node that has ended.
        """
        show_progress(GraphProgress(0, nodes))
        self._submit(token)
        done = 0
        try:
            while self._futures:
                event = self._events.get()
                if isinstance(event, Cancel):
                    return Aborted(event.reason, self._end())
                if event.status != "finished":
                    return self._end_after(event)
                del self._futures[event.step]
                if event.step < nodes:
                    done += 1
                    show_progress(GraphProgress(done, nodes))
            return Completed()
        finally:
            self._futures.clear()

    def _submit(self, token: str) -> None:
        for order in self._orders:
            needed = [self._futures[step] for step in order.needs]
            # Dask collects statistics for what stands before the first hyphen, and never forgets one of them.
            key = f"{order.name}-{token}-{order.step}"
            self._futures[order.step] = self._cluster.client.submit(perform_step, order, *needed, key=key, retries=0)
        for step, future in self._futures.items():
            future.add_done_callback(partial(_note_end, self._events, step))

    def _end_after(self, event: StepEnded) -> GraphOutcome:
        """End the execution because of a step that has no value."""
        if event.status != "error":
            message = "The connection to the scheduler is lost: nodes that had begun may still be running"
            return Unknown(message, self._label(self._place.forbid()))
        label = self._orders[event.step].label
        error = self._futures[event.step].exception(timeout=ANSWER_S)
        running = self._place.forbid()
        failure = self._describe(label, error, running)
        _log.error("The graph failed: %s", failure.message)
        return replace(failure, still_running=self._end())

    def _describe(self, label: str, error: BaseException, running: Sequence[Mark]) -> Failed:
        if isinstance(error, NodeFailure):
            return Failed(cut_message(str(error)), error.node, error.traceback)
        worker = getattr(error, "last_worker", None)
        if worker is None:
            return Failed(cut_message(f"Node {label!r} failed: {describe_error(error)}"), label)
        # Dask blames every step that was meant for the process; the marks tell which of them it had begun.
        begun = self._label([mark for mark in running if mark.pid == worker.pid]) or (label,)
        process = f"{worker.name} (pid {worker.pid})"
        message = f"Process {process} died while it ran node {', '.join(map(repr, begun))}"
        if self._cluster.memory_limit_bytes is not None:
            limit_mib = self._cluster.memory_limit_bytes // _MIB
            message += f"; a process that needs more than its {limit_mib} MiB of memory is ended"
        return Failed(message, begun[0], process=process)

    def _end(self) -> tuple[str, ...]:
        """Let no step begin, end those that run, and return the labels of those that could not be ended."""
        running = self._place.forbid()
        try:
            self._cluster.client.cancel(list(self._futures.values()), force=True)
        except (OSError, TimeoutError) as error:
            _log.warning("The scheduler could not be told that the graph has ended: %s", error)
        others = self._cluster.end_processes({mark.pid for mark in running})
        left = self._label([mark for mark in running if mark.pid in others])
        if left:
            _log.warning("Nodes that cannot be ended go on until they return: %s", ", ".join(left))
        return left

    def _label(self, marks: Sequence[Mark]) -> tuple[str, ...]:
        return tuple(self._orders[mark.step].label for mark in marks)


def _note_end(events: Events, step: int, future: Any) -> None:
    events.put(StepEnded(step, future.status))
