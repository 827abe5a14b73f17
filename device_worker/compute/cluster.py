"""Processes that perform steps: an embedded cluster of this host, or an existing scheduler. Knows nothing of graphs."""

from __future__ import annotations

import logging
from collections.abc import Collection
from contextlib import ExitStack
from typing import Any, Protocol

from device_worker.compute.errors import ComputeUnavailable
from device_worker.compute.library import load_distributed
from device_worker.compute.settings import ComputeSettings, SchedulerAddress

_log = logging.getLogger(__name__)

CONNECT_S = 20.0
CLOSE_S = 10.0
END_PROCESS_S = 10.0
# Tasks that no process can take, because none of them starts any more, fail after this time.
NO_PROCESS = "60s"
_MIB = 1024 * 1024


class Cluster(Protocol):
    """What an execution needs of the processes."""

    @property
    def client(self) -> Any:
        """The connection to the scheduler, a ``distributed.Client``."""
        ...

    @property
    def is_connected(self) -> bool:
        """Whether the scheduler can be asked for something."""
        ...

    @property
    def memory_limit_bytes(self) -> int | None:
        """What a process may use; None where others decide."""
        ...

    def end_processes(self, pids: Collection[int]) -> frozenset[int]:
        """End processes by their ids at once, and start others in their place; return those that it may not end."""
        ...

    def close(self) -> None:
        """Leave the scheduler, and end what was started here."""
        ...


def open_cluster(settings: ComputeSettings) -> Cluster:
    """Start processes, or connect to an existing scheduler.

    Raises:
        ComputeUnavailable: a library is missing, the processes cannot be started or the scheduler cannot be reached.
    """
    if settings.scheduler is not None:
        return ExistingScheduler(settings.scheduler)
    return EmbeddedCluster(settings)


class EmbeddedCluster:
    """A scheduler in a thread of this process, and processes of its own that end with it.

    It listens on the loopback interface only. The certificates that admit to it are made at each start and exist in the
    memory of these processes only, since whoever reaches a scheduler can execute code as its user.
    """

    def __init__(self, settings: ComputeSettings) -> None:
        distributed = load_distributed()
        import dask.config

        self.memory_limit_bytes: int | None = _choose_memory_limit(settings, distributed)
        self._lasting = ExitStack()
        try:
            settings.directory.mkdir(parents=True, exist_ok=True)
            security = distributed.Security.temporary()
            # Read each time that a process is lost.
            self._lasting.enter_context(dask.config.set(_LASTING_CONFIGURATION))
            with dask.config.set(_CONFIGURATION):
                self._cluster: Any = distributed.LocalCluster(
                    n_workers=settings.processes,
                    threads_per_worker=1,
                    processes=True,
                    host="127.0.0.1",
                    dashboard_address=None,
                    memory_limit=self.memory_limit_bytes,
                    local_directory=str(settings.directory.absolute()),
                    security=security,
                    silence_logs=logging.ERROR,
                    preload=["device_worker.compute.process_start"],
                    scheduler_kwargs=_SCHEDULER,
                )
        except (OSError, RuntimeError) as error:
            self._lasting.close()
            raise ComputeUnavailable(f"The processes for graphs cannot be started: {error}") from error
        try:
            self.client: Any = distributed.Client(self._cluster, set_as_default=False, timeout=CONNECT_S)
        except BaseException:
            self._cluster.close(timeout=CLOSE_S)
            self._lasting.close()
            raise

    @property
    def is_connected(self) -> bool:
        """Whether the scheduler can be asked for something; it is a part of this process."""
        return _is_connected(self.client)

    def end_processes(self, pids: Collection[int]) -> frozenset[int]:
        """End processes at once, also those that are busy; others start in their place."""
        if pids:
            self._cluster.sync(self._end_processes, frozenset(pids))
        return frozenset()

    async def _end_processes(self, pids: frozenset[int]) -> None:
        for nanny in list(self._cluster.workers.values()):
            if nanny.pid in pids:
                process, address = nanny.process.process, nanny.worker_address
                _log.warning(
                    "Process %s (pid %s) is ended, since its node would not end by itself", nanny.name, nanny.pid
                )
                await process.kill()
                try:
                    await process.join(END_PROCESS_S)
                except TimeoutError:
                    _log.error("Process %s has not ended within %.0f seconds", nanny.name, END_PROCESS_S)
                # Otherwise the next graph could be given to a process that has just died.
                await self._cluster.scheduler.remove_worker(address, stimulus_id="cuelight-end-process", expected=True)

    def close(self) -> None:
        """End all processes and wait for their end."""
        self.client.close(timeout=CLOSE_S)
        self._cluster.close(timeout=CLOSE_S)
        self._lasting.close()


class ExistingScheduler:
    """A scheduler of others; its processes may serve other people too and are never ended."""

    memory_limit_bytes: int | None = None

    def __init__(self, scheduler: SchedulerAddress, connect_s: float = CONNECT_S) -> None:
        distributed = load_distributed()
        try:
            self.client: Any = distributed.Client(
                scheduler.address,
                security=_read_security(distributed, scheduler),
                set_as_default=False,
                timeout=connect_s,
            )
        except (OSError, ValueError) as error:
            raise ComputeUnavailable(f"The scheduler at {scheduler.address} cannot be reached: {error}") from error

    @property
    def is_connected(self) -> bool:
        """Whether the scheduler can be asked for something."""
        return _is_connected(self.client)

    def end_processes(self, pids: Collection[int]) -> frozenset[int]:
        """Return all of them."""
        return frozenset(pids)

    def close(self) -> None:
        """Leave the scheduler."""
        self.client.close(timeout=CLOSE_S)


def _is_connected(client: Any) -> bool:
    return client.status == "running"


def _read_security(distributed: Any, scheduler: SchedulerAddress) -> Any:
    if scheduler.ca_file is None:
        return None
    return distributed.Security(
        require_encryption=True,
        tls_ca_file=str(scheduler.ca_file),
        tls_client_cert=str(scheduler.certificate_file),
        tls_client_key=str(scheduler.key_file),
    )


def _choose_memory_limit(settings: ComputeSettings, distributed: Any) -> int:
    if settings.memory_limit_mib is not None:
        return settings.memory_limit_mib * _MIB
    return int(distributed.system.MEMORY_LIMIT / 2 / settings.processes)


_CONFIGURATION = {
    # The HTTP servers of scheduler and processes cannot be left out; without routes they have nothing to tell.
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    "distributed.scheduler.no-workers-timeout": NO_PROCESS,
    # A process holds no node in reserve, so that few are lost with it and few wait behind a slow one.
    "distributed.scheduler.worker-saturation": 1.0,
    "distributed.worker.multiprocessing-method": "spawn",
    "distributed.worker.memory.target": 0.6,
    "distributed.worker.memory.spill": 0.6,
    "distributed.worker.memory.pause": 0.8,
    "distributed.worker.memory.terminate": 0.95,
}
# A process that takes its time to start again, on a busy host, would be given up for good after a quarter of a minute.
_LASTING_CONFIGURATION = {"distributed.deploy.lost-worker-timeout": "7d"}
_SCHEDULER = {
    "dashboard": False,
    "dashboard_address": "127.0.0.1:0",
    # A node whose process dies would most probably end the next process as well.
    "allowed_failures": 0,
}
