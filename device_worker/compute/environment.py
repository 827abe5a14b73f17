"""The open environment of a worker that executes processing graphs: loaded, described, with its processes, announced.

Threads: *main* takes the orders, and waits while *graph* executes an item; Dask's scheduler has threads of its own.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

import yaml
from pydantic import ValidationError

from device_worker.catalog import cut_pages
from device_worker.compute.announcement import describe_for_clients
from device_worker.compute.catalog import GraphCatalog, list_graphs
from device_worker.compute.cluster import Cluster, open_cluster
from device_worker.compute.errors import ComputeError
from device_worker.compute.executor import GraphExecutor
from device_worker.compute.items import GraphItems
from device_worker.compute.kept_files import FileKeeper
from device_worker.compute.settings import ComputeSettings
from device_worker.compute.workplace import Workplace
from device_worker.movables import Movable
from device_worker.parts import EnvironmentParts
from device_worker.profile import ProfileError, StartupSource, load_profile, mark_worker_process
from queue_server.client.outbox import UNNUMBERED
from queue_server.protocol.errors import StorageError
from queue_server.protocol.worker_link import EnvironmentOpened, Execute, RunTask, StopReport

_log = logging.getLogger(__name__)

GRAPHS = "graphs"
"""The directory inside the data directory in which each lane of graphs has its own."""
SIMULATED = "module:device_worker.sim.reconstruction"
"""The startup code of the simulated profile, as far as it is about graphs."""
_SCRATCH = "scratch"

StartCluster = Callable[[ComputeSettings], Cluster]


class GraphOptions(Protocol):
    """What the worker was told of how it executes graphs."""

    @property
    def data(self) -> Path:
        """The data directory."""
        ...

    @property
    def processes(self) -> int | None:
        """Processes that execute nodes; None means as many as processors."""
        ...

    @property
    def memory_limit_mib(self) -> int | None:
        """Memory of each of them; None means a share of that of the host."""
        ...

    @property
    def scheduler(self) -> Path | None:
        """The file that names an existing scheduler."""
        ...


class GraphEnvironment:
    """An environment that is ready for graphs."""

    def __init__(
        self, catalog: GraphCatalog, executor: GraphExecutor, keeper: FileKeeper, parts: EnvironmentParts
    ) -> None:
        self._catalog = catalog
        self._executor = executor
        self._parts = parts
        self._items = GraphItems(catalog, executor, keeper, parts)

    def announce(self) -> None:
        """Report the graphs, then that the environment is open."""
        graphs = self._catalog.graphs
        described = {name: describe_for_clients(graphs[name]) for name in sorted(graphs)}
        for page in cut_pages("dags", described):
            self._parts.reporter.report(page)
        _log.info("The environment is ready; graphs: %s", ", ".join(described))
        self._parts.activity.open()
        self._parts.reporter.report(EnvironmentOpened(number=UNNUMBERED))

    def execute(self, order: Execute) -> None:
        """Execute an item, and report how it ended."""
        self._items.execute(order)

    def run_task(self, order: RunTask) -> None:
        """Refuse a task; the orders for them are refused before they come here."""
        self._parts.task_orders.refuse(order, "the worker executes processing graphs, and no tasks")

    def close(self) -> None:
        """End the processes; those that do not end in time end with this one."""
        try:
            self._executor.close()
        except (OSError, TimeoutError) as error:
            _log.warning("The processes for graphs have not ended in order: %s", error)

    def loop_age_s(self) -> float:
        """Return 0: nodes may take as long as they want, and the main thread only waits for them."""
        return 0.0

    def begin_stops(self, movables: Sequence[Movable]) -> NothingMoves:
        """Return the answer to an emergency stop: graphs move nothing."""
        return NothingMoves()

    def end_plan(self, option: Literal["abort", "halt"], reason: str) -> None:
        """End the graph that is executed."""
        self._items.end(reason)


class NothingMoves:
    """What an emergency stop reaches in a worker without devices."""

    def report(self, number: int, until_s: float) -> StopReport:
        """Return an empty report."""
        return StopReport(order=number)


def open_graph_environment(
    startup: str, lane: str, options: GraphOptions, parts: EnvironmentParts, start: StartCluster = open_cluster
) -> GraphEnvironment:
    """Load the startup code and start the processes.

    Raises:
        ProfileError: the startup code cannot be used or has no graphs, there are no processes, or the files that graphs
            write have no place.
    """
    mark_worker_process()
    profile = load_profile(StartupSource.parse(SIMULATED if startup == "sim" else startup))
    directory = options.data / GRAPHS / lane
    try:
        catalog = list_graphs(profile)
        if not catalog.graphs:
            raise ProfileError(f"There is no processing graph in {profile.source}: write one with @graph")
        for place in (directory.parent, directory):
            place.mkdir(mode=0o700, exist_ok=True)
        Workplace.sweep(directory)
        keeper = FileKeeper(options.data, directory)
        executor = GraphExecutor(_read_settings(options, directory / _SCRATCH), catalog, start)
        executor.open()
    except (ComputeError, StorageError, OSError) as error:
        raise ProfileError(str(error), getattr(error, "traceback", "")) from error
    return GraphEnvironment(catalog, executor, keeper, parts)


def _read_settings(options: GraphOptions, scratch: Path) -> ComputeSettings:
    given: dict[str, Any] = {"directory": scratch.absolute(), "memory_limit_mib": options.memory_limit_mib}
    if options.processes is not None:
        given["processes"] = options.processes
    try:
        if options.scheduler is not None:
            given["scheduler"] = yaml.safe_load(options.scheduler.read_text(encoding="utf-8"))
        return ComputeSettings(**given)
    except (ValidationError, yaml.YAMLError, OSError, UnicodeDecodeError) as error:
        raise ProfileError(f"The settings of the processes for graphs cannot be used: {error}") from error
