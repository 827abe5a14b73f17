"""A cluster whose processes are threads of the test: it performs the same steps, and needs no Dask."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from device_worker.compute.catalog import GraphCatalog


class ThreadFuture:
    """A future as Dask has it, as far as an execution asks."""

    def __init__(self, future):
        self.future = future
        self.lost = False

    @property
    def status(self):
        if self.lost:
            return "cancelled"
        return "error" if self.future.exception() else "finished"

    def add_done_callback(self, function):
        self.future.add_done_callback(lambda _: function(self))

    def exception(self, timeout):
        return self.future.exception(timeout)


class ThreadClient:
    def __init__(self):
        self.threads = ThreadPoolExecutor(8)
        self.keys = []
        self.cancelled = []

    def submit(self, function, order, *needed, key, retries):
        assert retries == 0
        self.keys.append(key)
        return ThreadFuture(self.threads.submit(self.perform, function, order, [part.future for part in needed]))

    def perform(self, function, order, needed):
        return function(order, *[future.result() for future in needed])

    def cancel(self, futures, force):
        assert force
        self.cancelled += futures
        for future in futures:
            future.future.cancel()


class ThreadCluster:
    """Threads cannot be ended, as the processes of an existing scheduler."""

    is_connected = True
    memory_limit_bytes = None

    def __init__(self):
        self.client = ThreadClient()
        self.closed = threading.Event()

    def end_processes(self, pids):
        return frozenset(pids)

    def close(self):
        self.client.threads.shutdown()
        self.closed.set()


@pytest.fixture
def cluster():
    cluster = ThreadCluster()
    yield cluster
    cluster.close()


@pytest.fixture
def catalog_of():
    return lambda *graphs: GraphCatalog({graph.name: graph for graph in graphs})
