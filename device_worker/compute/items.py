"""Executes the items of a lane of graphs, one by one: finds inputs, runs the graph, keeps its files, reports the end.

All of it is done in a thread of its own, while the main thread waits for its end and for orders to end the graph.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, replace
from typing import Any

from device_worker.activity import IDLE
from device_worker.commands import End
from device_worker.compute.catalog import GraphCatalog
from device_worker.compute.executor import GraphExecutor, GraphOrder
from device_worker.compute.graph import Graph
from device_worker.compute.kept_files import FileKeeper
from device_worker.compute.outcome import Completed, Failed, GraphOutcome, GraphProgress
from device_worker.excerpt import cut_message, cut_traceback
from device_worker.metrics.extraction import Measured, measure
from device_worker.parts import EnvironmentParts
from device_worker.profile import ProfileError
from device_worker.profile.boundary import profile_code
from queue_server.client.outbox import UNNUMBERED
from queue_server.protocol.errors import CuelightError, ParameterError
from queue_server.protocol.items import AttemptKey, Outcome
from queue_server.protocol.records import ManifestEntry
from queue_server.protocol.worker_link import (
    Continue,
    Execute,
    ItemAcknowledged,
    ItemFinished,
    Progress,
    REStateChanged,
)

_log = logging.getLogger(__name__)

COMPUTING = "computing"
"""What is told in place of a state of the RunEngine while a graph is executed."""

_ENDS: dict[str, Outcome] = {"stop": "stopped", "abort": "aborted", "halt": "halted"}
_SHOWN_NODES = 5


@dataclass(frozen=True, slots=True)
class _Ending:
    outcome: Outcome
    message: str = ""
    traceback: str = ""
    artifacts: tuple[ManifestEntry, ...] = ()
    measured: Measured = Measured()


class _Conduct:
    """One graph on its way. It may be told to end by any thread, also before it has begun."""

    def __init__(self, executor: GraphExecutor, key: str) -> None:
        self._executor = executor
        self._key = key
        self._guard = threading.Lock()
        self._has_begun = False
        self._end: tuple[Outcome, str] | None = None
        self.nodes_done = 0

    @property
    def end(self) -> tuple[Outcome, str] | None:
        """How it is to end, and why; None if nobody wants that."""
        return self._end

    def stop(self, outcome: Outcome, reason: str) -> None:
        """End the graph; the first reason holds."""
        with self._guard:
            if self._end is None:
                self._end = (outcome, reason)
            if self._has_begun:
                self._executor.cancel(self._key, reason)

    def note_progress(self, progress: GraphProgress) -> None:
        """Note how far the graph is; from the first time on it can be cancelled."""
        self.nodes_done = progress.done
        with self._guard:
            is_first, self._has_begun = not self._has_begun, True
            if is_first and self._end is not None:
                self._executor.cancel(self._key, self._end[1])


class GraphItems:
    """The main thread's part: ``execute`` returns when the attempt has ended and its outcome is on the disk."""

    def __init__(
        self, catalog: GraphCatalog, executor: GraphExecutor, keeper: FileKeeper, parts: EnvironmentParts
    ) -> None:
        self._catalog = catalog
        self._executor = executor
        self._keeper = keeper
        self._parts = parts
        self._conduct: _Conduct | None = None

    def execute(self, order: Execute) -> None:
        """Execute an item and report how it ended; nothing that a graph does is raised."""
        parts, attempt = self._parts, order.attempt
        time_start = parts.clock.wall()
        conduct = self._conduct = _Conduct(self._executor, _show_key(attempt))
        parts.reporter.report(ItemAcknowledged(number=UNNUMBERED, attempt=attempt))
        ending = self._perform(order, conduct)
        self._conduct = None
        self._enter(IDLE, attempt)
        finished = ItemFinished(
            number=UNNUMBERED,
            attempt=attempt,
            outcome=ending.outcome,
            time_start=time_start,
            time_stop=max(parts.clock.wall(), time_start),
            message=cut_message(ending.message),
            traceback=cut_traceback(ending.traceback),
            points=conduct.nodes_done,
            artifacts=ending.artifacts,
            metrics=ending.measured.metrics,
            metrics_error=ending.measured.error,
        )
        # The next item may arrive as soon as this report has left.
        parts.activity.end()
        parts.reporter.report(finished)
        if ending.outcome in ("failed", "unknown"):
            _log.error("The graph ended: %s: %s", ending.outcome, ending.message)
        else:
            _log.info("The graph ended: %s", ending.outcome)

    def end(self, reason: str) -> None:
        """Abort the graph that is executed, if there is one; any thread may call this."""
        conduct = self._conduct
        if conduct is not None:
            conduct.stop("aborted", reason)

    def _enter(self, re_state: str, attempt: AttemptKey) -> None:
        self._parts.activity.enter(re_state)
        self._parts.reporter.report(REStateChanged(number=UNNUMBERED, attempt=attempt, re_state=re_state))

    def _perform(self, order: Execute, conduct: _Conduct) -> _Ending:
        """Do the work in another thread, and wait for its end."""
        endings: list[_Ending] = []

        def work() -> None:
            try:
                with profile_code("The graph could not be executed"):
                    endings.append(self._work(order, conduct))
            except ProfileError as error:
                endings.append(_Ending("failed", str(error), error.traceback))
            except BaseException as error:
                # Such as a cancellation inside of Dask: the main thread must not wait for ever.
                endings.append(_Ending("failed", f"The graph could not be executed: {error!r}"))
                raise
            finally:
                self._parts.commands.wake()

        thread = threading.Thread(target=work, name="graph", daemon=True)
        self._parts.commands.accept_continue()
        self._enter(COMPUTING, order.attempt)
        thread.start()
        self._wait(endings, conduct)
        thread.join()
        return endings[0]

    def _wait(self, endings: list[_Ending], conduct: _Conduct) -> None:
        """Wait until there is an ending; obey the orders to end the graph."""
        reason = ""
        while not endings:
            command = self._parts.commands.next_command()
            if isinstance(command, Continue) and command.option in _ENDS:
                _log.info("The graph: %s", command.option)
                conduct.stop(_ENDS[command.option], f"The graph was {_ENDS[command.option]}.")
            elif isinstance(command, Continue):
                self._parts.commands.refuse(command, "a graph is executed, which cannot be paused")
            elif isinstance(command, End):
                reason = command.reason
                conduct.stop("aborted", f"The worker was told to end: {reason}.")
        if reason:
            # The loop of the main thread needs it when the graph is over.
            self._parts.commands.end(reason)

    # --- in the thread of the graph -----------------------------------------------------------------------------

    def _work(self, order: Execute, conduct: _Conduct) -> _Ending:
        try:
            graph_order = self._read(order)
        except ParameterError as error:
            return _Ending("failed", error.message)
        emergency = self._parts.activity.emergency
        if emergency is not None:
            # One that comes from now on finds what is conducted.
            return _Ending("aborted", f"Emergency stop: {emergency.reason}")
        _log.info("Starting the graph: %s (item %s)", graph_order.dag_id, order.attempt.item_uid)

        def show(progress: GraphProgress) -> None:
            conduct.note_progress(progress)
            shown = Progress(attempt=order.attempt, points=progress.done, total=progress.total)
            self._parts.reporter.show_progress(shown)

        outcome = self._executor.run(graph_order, show)
        ending = _judge(outcome, conduct)
        schema = None if order.extraction is None else order.extraction.result_schema
        if schema is not None and ending.outcome == "completed":
            # As long as its files are there, and no links.
            ending = replace(ending, measured=measure(schema, graph_order.directory))
        ending = self._keep(graph_order, ending, outcome)
        declared = () if order.extraction is None else order.extraction.outputs
        return replace(ending, artifacts=tuple(e for e in ending.artifacts if not declared or e.name in declared))

    def _read(self, order: Execute) -> GraphOrder:
        content = order.content
        graph: Graph[..., Any] = self._catalog.find(str(content.get("name", "")))
        given: Any = content.get("kwargs") or {}
        if not isinstance(given, dict):
            raise ParameterError("The parameters (kwargs) are not a map", field="kwargs")
        inputs = self._keeper.find_inputs(graph, given)
        parameters = {name: value for name, value in given.items() if name not in inputs}
        directory = self._keeper.directory_of(order.attempt)
        return GraphOrder(_show_key(order.attempt), graph.name, directory, parameters, inputs)

    def _keep(self, graph_order: GraphOrder, ending: _Ending, outcome: GraphOutcome) -> _Ending:
        if not outcome.files:
            return ending
        try:
            kept = self._keeper.keep(graph_order.directory, outcome.files)
        except CuelightError as error:
            lead = f"{ending.message} " if ending.message else ""
            message = f"{lead}The files stay in {graph_order.directory} and are no artifacts: {error.message}"
            as_before = ending.outcome not in ("completed", "stopped")
            return replace(ending, outcome=ending.outcome if as_before else "failed", message=message)
        return replace(ending, artifacts=kept)


def _show_key(attempt: AttemptKey) -> str:
    return f"{attempt.item_uid}.{attempt.number}"


def _judge(outcome: GraphOutcome, conduct: _Conduct) -> _Ending:
    """Return how the attempt has ended: as it was told to, if that was what ended the graph."""
    if isinstance(outcome, Completed):
        return _Ending("completed")
    message, traceback = outcome.message, outcome.traceback if isinstance(outcome, Failed) else ""
    if outcome.still_running:
        message += f" Nodes that go on until they return: {_list_nodes(outcome.still_running)}."
    if outcome.outcome == "aborted" and conduct.end is not None:
        return _Ending(conduct.end[0], message)
    return _Ending(outcome.outcome, message, traceback)


def _list_nodes(labels: tuple[str, ...]) -> str:
    more = f" and {len(labels) - _SHOWN_NODES} more" if len(labels) > _SHOWN_NODES else ""
    return ", ".join(labels[:_SHOWN_NODES]) + more
