"""The systems that are measured, each on free ports of this host: Cuelight, bluesky-queueserver, bluesky-httpserver."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks.client import Client, client_of
from benchmarks.http_load import Site, ask
from benchmarks.processes import (
    START_S,
    clean_environment,
    family,
    free_ports,
    listens,
    processor_s,
    resident_mb,
    running_process,
    wait_for_start,
)
from queue_server.process import living_workers

ROOT = Path(__file__).parents[1]
ANY_PORT, ANY_HTTP_PORT = "tcp://127.0.0.1:0", "127.0.0.1:0"
_CUELIGHT = (sys.executable, "-m", "queue_server.cli")
_PEER_KEY = "benchmark"


@dataclass(frozen=True)
class System:
    """A system while it runs: its address, a client of it, and its processes without those of a store server."""

    control: str
    client: Client
    manager_pid: int
    pids: Callable[[], Sequence[int]]

    def open_environment(self) -> float:
        """Open the environment; return how long it took, in seconds."""
        began = time.perf_counter()
        self.client.ask("environment_open")
        self.wait_for(lambda status: status["worker_environment_state"] == "idle")
        return time.perf_counter() - began

    def close_environment(self) -> None:
        """Close the environment."""
        self.client.ask("environment_close")
        self.wait_for(lambda status: status["worker_environment_state"] == "closed")

    def wait_for(self, condition: Callable[[dict[str, object]], bool], each_s: float = 0.002) -> dict[str, object]:
        """Ask for the status again and again until it is as it should be: the one way that all systems have.

        Raises:
            SystemExit: it takes too long.
        """
        deadline = time.monotonic() + START_S * 3
        while True:
            status = self.client.ask("status")
            if condition(status):
                return status
            if time.monotonic() > deadline:
                raise SystemExit(f"The system at {self.control} did not get there: {status}")
            time.sleep(each_s)

    def resident_mb(self, *, whole: bool) -> float:
        """Return the memory of the manager, or of all processes, as ``processes.resident_mb`` does."""
        return resident_mb(*(self.pids() if whole else [self.manager_pid]))

    def processor_s(self) -> float:
        """Return the time that all processes have used on a processor so far."""
        return processor_s(*self.pids())


@dataclass(frozen=True)
class Cuelight(System):
    """Cuelight while it runs."""

    ready: dict[str, Any]
    """What its ready file holds: addresses, and ``pids`` by name."""

    @property
    def site(self) -> Site:
        """Its gateway, with the API key that this made."""
        return Site(self.ready["http"], (Path(self.ready["data_dir"]) / "api-key").read_text().strip())


@dataclass(frozen=True)
class QueueServer(System):
    """The server bluesky-queueserver while it runs."""

    info: str
    store_port: int
    """Where Redis listens, in which it keeps its queue."""


# --- Cuelight -------------------------------------------------------------------------------------------------------


def up_command(data: Path, startup: Path | str = "sim", *, control: str = ANY_PORT, http: str = "off") -> list[str]:
    """Return what starts Cuelight, on free ports where none is named."""
    addresses = {"control": control, "info": ANY_PORT, "documents": ANY_PORT, "http": http}
    options = {"data": data, "startup": startup, **addresses}
    return [*_CUELIGHT, "up", *(f"--{name}={value}" for name, value in options.items())]


@contextmanager
def running_cuelight(directory: Path, startup: Path | str = "sim", *, http: str = "off") -> Generator[Cuelight]:
    """Run Cuelight with ``directory/data``, which may be there already, until it answers requests."""
    data, ready_file = directory / "data", directory / "ready.json"
    command = [*up_command(data, startup, http=http), f"--ready-file={ready_file}"]
    with running_process(command, directory, {"PYTHONPATH": str(ROOT)}) as process:
        try:
            wait_for_start(process, directory, ready_file.exists)
            ready = json.loads(ready_file.read_text())
            with client_of(ready["control"]) as client:
                client.ask("status")

                def pids() -> list[int]:
                    # A worker is no child: it outlives whoever started it.
                    return sorted({*family(process.pid), *living_workers(data / "workers")})

                yield Cuelight(ready["control"], client, ready["pids"]["manager"], pids, ready)
        finally:
            subprocess.run([*_CUELIGHT, "down", f"--data={data}", "--workers"], cwd=ROOT, check=True)
            process.wait(START_S)


# --- the peers ------------------------------------------------------------------------------------------------------


def missing_parts(peer: Path | None, *modules: str) -> str:
    """Return why ``modules`` cannot run with the interpreter ``peer``, or an empty text."""
    if peer is None:
        return "--peer was not given"
    if not peer.is_file():
        return f"there is no interpreter {peer}"
    command = [str(peer), "-c", f"import {', '.join(modules)}"]
    if subprocess.run(command, capture_output=True, env=clean_environment(), check=False).returncode:
        return f"{' or '.join(modules)} cannot be imported by {peer}"
    return "" if shutil.which("redis-server") else "there is no redis-server"


@contextmanager
def running_redis(directory: Path) -> Generator[int]:
    """Run the server in which the peers keep their queue; give its port."""
    [port] = free_ports(1)
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", str(directory)]
    with running_process(command, directory) as process:
        wait_for_start(process, directory, lambda: listens(port))
        yield port


def queueserver_command(peer: Path, redis: int, control: int, info: int) -> list[str]:
    """Return what starts bluesky-queueserver on these ports."""
    return [
        str(peer.parent / "start-re-manager"),
        f"--redis-addr=127.0.0.1:{redis}",
        f"--zmq-control-addr=tcp://127.0.0.1:{control}",
        f"--zmq-info-addr=tcp://127.0.0.1:{info}",
    ]


@contextmanager
def running_queueserver(directory: Path, peer: Path, *options: str) -> Generator[QueueServer]:
    """Run bluesky-queueserver with more options until it answers requests, and the Redis that it needs."""
    control, info = free_ports(2)
    address = f"tcp://127.0.0.1:{control}"
    with ExitStack() as stack:
        redis = stack.enter_context(running_redis(directory / "redis"))
        command = [*queueserver_command(peer, redis, control, info), *options]
        process = stack.enter_context(running_process(command, directory))
        wait_for_start(process, directory, lambda: listens(control))
        client = stack.enter_context(client_of(address))
        client.ask("status")
        # The process that was started is a watchdog, and its first child is the manager.
        manager_pid = psutil.Process(process.pid).children()[0].pid
        yield QueueServer(address, client, manager_pid, lambda: family(process.pid), f"tcp://127.0.0.1:{info}", redis)


@contextmanager
def running_httpserver(directory: Path, peer: Path) -> Generator[Site]:
    """Run bluesky-httpserver until it answers requests, and the bluesky-queueserver that it asks."""
    [port] = free_ports(1)
    site = Site(f"http://127.0.0.1:{port}", _PEER_KEY)
    command = [str(peer), "-m", "uvicorn", "--host", "127.0.0.1", "--port", str(port), "--no-access-log"]
    with running_queueserver(directory / "queueserver", peer, "--zmq-publish-console=ON") as queueserver:
        settings = {
            "QSERVER_HTTP_SERVER_SINGLE_USER_API_KEY": site.key,
            "QSERVER_ZMQ_CONTROL_ADDRESS": queueserver.control,
            "QSERVER_ZMQ_INFO_ADDRESS": queueserver.info,
        }
        with running_process([*command, "bluesky_httpserver.server:app"], directory, settings) as process:
            wait_for_start(process, directory, lambda: _knows_manager(site))
            yield site


def _knows_manager(site: Site) -> bool:
    try:
        return asyncio.run(ask(site, "GET", "/api/status"))["manager_state"] == "idle"
    except (OSError, KeyError, SystemExit):
        return False
