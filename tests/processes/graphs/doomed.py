"""A process that executes a graph which never ends, for a test that kills it: STARTUP DIRECTORY PIPE."""

import sys
from pathlib import Path

from device_worker.compute.catalog import list_graphs
from device_worker.compute.executor import ComputeSettings, GraphExecutor, GraphOrder
from device_worker.profile import StartupSource, load_profile


def main(startup, directory, pipe):
    """Execute the graph ``hang``."""
    settings = ComputeSettings(directory=Path(directory) / "scratch", processes=2, memory_limit_mib=512)
    with GraphExecutor(settings, list_graphs(load_profile(StartupSource.parse(startup)))) as executor:
        order = GraphOrder("doomed", "hang", Path(directory) / "results", {"pipe": pipe})
        executor.run(order, lambda progress: None)


if __name__ == "__main__":
    main(*sys.argv[1:])
