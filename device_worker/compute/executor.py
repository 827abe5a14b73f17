"""Executes graphs, one at a time, and puts their files into the directories that the orders name.

``run`` returns when the attempt has ended; ``cancel`` may be called from any thread.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from device_worker.compute.catalog import GraphCatalog
from device_worker.compute.cluster import Cluster, open_cluster
from device_worker.compute.composition import Composition
from device_worker.compute.errors import ComputeUnavailable, GraphError
from device_worker.compute.execution import Cancel, Events, Execution
from device_worker.compute.graph import Paths
from device_worker.compute.manifest import Manifest, NodeEntry
from device_worker.compute.outcome import Failed, GraphOutcome, GraphProgress
from device_worker.compute.settings import ComputeSettings
from device_worker.compute.step import prepare_steps
from device_worker.compute.workplace import Workplace
from queue_server.protocol.errors import ParameterError

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class GraphOrder:
    """What is to be executed.

    Attributes:
        key: identifies the attempt; cancelling names it.
        dag_id: the name of the graph.
        directory: an absolute path; new or empty. All processes must reach it under the same path.
        parameters: by name, as JSON says them.
        inputs: absolute paths by the name of the input, a list of them for an input that takes several.
    """

    key: str
    dag_id: str
    directory: Path
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])
    inputs: Mapping[str, Paths] = field(default_factory=dict[str, Paths])


class GraphExecutor:
    """Executes the graphs of a catalog on processes that live from ``open`` to ``close``."""

    def __init__(
        self,
        settings: ComputeSettings,
        catalog: GraphCatalog,
        start: Callable[[ComputeSettings], Cluster] = open_cluster,
    ) -> None:
        self._settings = settings
        self._catalog = catalog
        self._start = start
        self._cluster: Cluster | None = None
        self._lock = threading.Lock()
        self._current: tuple[str, Events] | None = None

    def open(self) -> None:
        """Start the processes, or connect to the scheduler.

        Raises:
            ComputeUnavailable: a library is missing, or there are no processes.
        """
        if self._cluster is None:
            self._cluster = self._start(self._settings)

    def close(self) -> None:
        """End what was started; only while nothing is executed."""
        cluster, self._cluster = self._cluster, None
        if cluster is not None:
            cluster.close()

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, frames: TracebackType | None
    ) -> None:
        self.close()

    def check(self, dag_id: str, parameters: Mapping[str, Any]) -> None:
        """Check what an item says, before it is queued.

        Raises:
            ParameterError: names the field at fault.
        """
        self._catalog.find(dag_id).check_parameters(parameters)

    def run(self, order: GraphOrder, show_progress: Callable[[GraphProgress], None]) -> GraphOutcome:
        """Execute a graph and return how that ended; a wrong order is a failure, in which nothing was started.

        When this returns, no step runs any more except those that the outcome names. The files that it lists are in
        their places and on the disk, and ``manifest.json`` lists them.
        """
        if self._cluster is None:
            raise RuntimeError("the executor is not open")
        events = self._begin(order.key)
        try:
            return self._run(order, self._connect_again(self._cluster), events, show_progress)
        except ComputeUnavailable as error:
            return Failed(str(error))
        except ParameterError as error:
            return Failed(error.message)
        except GraphError as error:
            return Failed(str(error), traceback=error.traceback)
        finally:
            with self._lock:
                self._current = None

    def cancel(self, key: str, reason: str) -> bool:
        """End the execution of a key; ``run`` then returns ``Aborted``. False if nothing of that key is executed.

        A node that runs is ended with its process where the processes belong to this executor. On an existing scheduler
        it goes on until it returns by itself; its value and its files are dropped.
        """
        with self._lock:
            if self._current is None or self._current[0] != key:
                return False
            self._current[1].put(Cancel(reason))
            return True

    def _connect_again(self, cluster: Cluster) -> Cluster:
        if not cluster.is_connected:
            _log.warning("The connection to the scheduler was lost: connecting again")
            self._cluster = self._start(self._settings)
            cluster.close()
            return self._cluster
        return cluster

    def _begin(self, key: str) -> Events:
        with self._lock:
            if self._current is not None:
                raise RuntimeError(f"{self._current[0]!r} is being executed")
            events: Events = SimpleQueue()
            self._current = (key, events)
            return events

    def _run(
        self, order: GraphOrder, cluster: Cluster, events: Events, show_progress: Callable[[GraphProgress], None]
    ) -> GraphOutcome:
        composition = self._compose(order)
        steps = prepare_steps(composition, order.directory, self._catalog.search_path)
        place = _create_place(order.directory)
        try:
            execution = Execution(steps, place, cluster, events)
            outcome = execution.run(uuid4().hex, len(composition.steps), show_progress)
            return _publish(order, place, outcome, [step.label for step in composition.steps])
        finally:
            place.remove()

    def _compose(self, order: GraphOrder) -> Composition:
        graph = self._catalog.find(order.dag_id)
        if not order.directory.is_absolute():
            raise ParameterError(f"{str(order.directory)!r} is not an absolute path", field="directory")
        return graph.compose(graph.check_parameters(order.parameters), graph.open_inputs(order.inputs))


def _create_place(directory: Path) -> Workplace:
    try:
        return Workplace.create(directory)
    except OSError as error:
        raise ParameterError(f"The directory for the files cannot be used: {error}", field="directory") from error


def _publish(order: GraphOrder, place: Workplace, outcome: GraphOutcome, nodes: Sequence[str]) -> GraphOutcome:
    try:
        files = place.publish()
        done = [trace for trace in place.traces() if trace.step < len(nodes)]
        entries = tuple(NodeEntry(nodes[each.step], each.pid, each.host, each.duration_s) for each in done)
        Manifest(order.dag_id, order.key, outcome.outcome, files, entries).write(order.directory)
    except OSError as error:
        _log.error("The files of graph %s cannot be put into their places: %s", order.dag_id, error)
        return Failed(f"The files cannot be put into their places: {error}")
    return replace(outcome, files=files)
