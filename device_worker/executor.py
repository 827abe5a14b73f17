"""Executes items on the main thread, one at a time: resolve, run, wait in a pause, report the outcome.

Whatever a plan raises becomes the outcome of its attempt here, and nowhere else.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol

from bluesky import RunEngine
from bluesky.utils import RunEngineInterrupted

from device_worker.activity import Activity, Emergency
from device_worker.commands import Commands, End, Reporter
from device_worker.documents.flow import DocumentFlow
from device_worker.excerpt import cut_message
from device_worker.metadata import show_metadata
from device_worker.profile import ResolvedPlan
from device_worker.run_engine.control import Pauser
from device_worker.run_engine.outcome import INTERRUPTED, Ending, describe_failure
from device_worker.run_engine.products import ProductCollector
from device_worker.run_engine.progress import PointCounter
from device_worker.run_engine.runs import Records, RunList
from queue_server.client.outbox import UNNUMBERED
from queue_server.clock import Clock
from queue_server.protocol.items import AttemptKey
from queue_server.protocol.worker_link import Continue, Execute, ItemAcknowledged, ItemFinished

_log = logging.getLogger(__name__)

METADATA_KEY = "cuelight"
"""The key of the start document that tells which attempt of which item a run belongs to."""

Resolve = Callable[[Mapping[str, Any]], ResolvedPlan]
Watcher = Callable[[str, Mapping[str, Any]], None]


class AttemptRecords(Records, Protocol):
    """What has been recorded of an attempt."""

    def settle(self) -> str:
        """End what the attempt has left open; return why some of its documents are not recorded, or nothing."""
        ...


class ItemExecutor(Protocol):
    """What runs the items of an environment; another way, such as in an IPython kernel, is another class."""

    def use(self, engine: RunEngine) -> None:
        """Execute items with this RunEngine from now on; only while none is executed."""
        ...

    def record_with(self, documents: AttemptRecords) -> None:
        """Tell of each attempt what these have recorded of it, from now on."""
        ...

    def execute(self, order: Execute, activity: Activity, commands: Commands) -> None:
        """Execute an item and report how it ended; nothing that a plan does is raised."""
        ...


class Executor:
    """The main thread's part: ``execute`` returns when the attempt has ended and its outcome is on the disk."""

    def __init__(
        self,
        engine: RunEngine,
        resolve: Resolve,
        pauser: Pauser,
        products: ProductCollector,
        reporter: Reporter,
        clock: Clock,
    ) -> None:
        self._engine = engine
        self._resolve = resolve
        self._pauser = pauser
        self._products = products
        self._reporter = reporter
        self._clock = clock
        self._documents: AttemptRecords = DocumentFlow()

    def record_with(self, documents: AttemptRecords) -> None:
        """Tell of each attempt what these have recorded of it, from now on."""
        self._documents = documents

    def use(self, engine: RunEngine) -> None:
        """Execute items with this RunEngine from now on; only while none is executed."""
        self._engine = engine

    def execute(self, order: Execute, activity: Activity, commands: Commands) -> None:
        """Execute an item and report how it ended; nothing that a plan does is raised."""
        time_start = self._clock.wall()
        runs = RunList(order.attempt, self._reporter.report, activity.list_runs, self._documents)
        counter = PointCounter(order.attempt, self._reporter.show_progress)
        collection = self._products.begin(order)
        with collection.opened():
            ending = self._perform(order, [runs, counter, *collection.watchers], activity, commands)
        if activity.emergency is not None:
            ending = ended_by_emergency(ending, activity.emergency)
        ending = judge_record(ending, self._documents.settle())
        time_stop = max(self._clock.wall(), time_start)
        products = collection.end(ending.outcome)
        finished = ItemFinished(
            number=UNNUMBERED,
            attempt=order.attempt,
            outcome=ending.outcome,
            time_start=time_start,
            time_stop=time_stop,
            run_uids=runs.uids,
            scan_ids=runs.scan_ids,
            message=cut_message(f"{ending.message} {products.remark}".strip()),
            traceback=ending.traceback,
            points=counter.points,
            artifacts=products.artifacts,
            metrics=products.metrics,
            metrics_error=products.metrics_error,
        )
        show_metadata(self._engine, self._reporter)
        # The next item may arrive as soon as this report has left.
        activity.end()
        self._reporter.report(finished)
        # Said once it is on the disk.
        if ending.outcome == "failed":
            _log.error("The plan failed: %s", ending.message)
        else:
            _log.info("The plan ended: %s", ending.outcome)

    def _perform(self, order: Execute, watchers: list[Watcher], activity: Activity, commands: Commands) -> Ending:
        try:
            plan = self._resolve(order.content)
            self._reporter.report(ItemAcknowledged(number=UNNUMBERED, attempt=order.attempt))
            _log.info("Starting the plan: %s (item %s)", plan.name, order.attempt.item_uid)
            self._pauser.settle()
            metadata = {**plan.metadata, METADATA_KEY: identify_attempt(order.attempt)}
            if activity.emergency is not None:
                return INTERRUPTED
            return self._drive(partial(self._engine, plan.start(), watchers, **metadata), commands)
        except BaseException as error:
            return describe_failure(error)

    def _drive(self, step: Callable[[], object], commands: Commands) -> Ending:
        """Take one step after the other until the RunEngine is done: start, then resume or one of the endings."""
        ending = Ending("completed")
        while True:
            try:
                step()
            except RunEngineInterrupted:
                if str(self._engine.state) != "paused":
                    return INTERRUPTED
            else:
                return ending
            step, ending = self._next_step(_await_decision(commands))

    def _next_step(self, decision: Continue | End) -> tuple[Callable[[], object], Ending]:
        if isinstance(decision, End):
            message = f"The worker was told to end: {decision.reason}."
            return partial(self._engine.abort, reason=message), Ending("aborted", message)
        _log.info("The paused plan: %s", decision.option)
        match decision.option:
            case "resume":
                return self._engine.resume, Ending("completed")
            case "stop":
                return self._engine.stop, Ending("stopped")
            case "abort":
                return self._engine.abort, Ending("aborted")
            case "halt":
                return self._engine.halt, Ending("halted")


def _await_decision(commands: Commands) -> Continue | End:
    while True:
        command = commands.next_command()
        if isinstance(command, End):
            # The loop of the main thread needs it again when the plan is over.
            commands.end(command.reason)
            return command
        if isinstance(command, Continue):
            return command
        _log.error("A %s order is dropped: a plan is paused", command.kind)


def ended_by_emergency(ending: Ending, emergency: Emergency) -> Ending:
    """Return how an attempt has ended that an emergency stop was to end; one that had completed has completed."""
    if ending.outcome == "completed":
        return ending
    message = f"Emergency stop: {emergency.reason}"
    return Ending("halted" if emergency.is_halting else "aborted", message, ending.traceback)


def judge_record(ending: Ending, failure: str) -> Ending:
    """Return how an attempt has ended of whose documents some are not recorded for the reason given, if there is one.

    A plan may have gone on: what was raised at its document was caught, or the run was closed after it.
    """
    if not failure or failure in ending.message:
        return ending
    outcome = ending.outcome if ending.outcome in ("aborted", "halted") else "failed"
    return Ending(outcome, f"{ending.message} {failure}".strip(), ending.traceback)


def identify_attempt(attempt: AttemptKey) -> dict[str, Any]:
    """Return what a start document says about the attempt that it belongs to."""
    return {
        "item_uid": attempt.item_uid,
        "submission": attempt.submission,
        "attempt": attempt.number,
        "lane": attempt.lane,
    }
