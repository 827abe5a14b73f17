"""The two systems that are compared, each in processes of its own on free ports of this host."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.speed.client import Client, client_of
from benchmarks.speed.row import OURS, PEER, Stage
from queue_server.process import living_workers

ROOT = Path(__file__).parents[2]
START_S = 60.0


@dataclass(frozen=True)
class System:
    """One of both while it runs: its address, a client of it, and its processes without those of a store server."""

    kind: str
    control: str
    client: Client
    manager_pid: int
    pids: Callable[[], Sequence[int]]
    store_port: int = 0
    """Where the peer keeps its queue."""

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
        """Ask for the status again and again until it is as it should be: the one way that both systems have."""
        deadline = time.monotonic() + START_S * 3
        while True:
            status = self.client.ask("status")
            if condition(status):
                return status
            if time.monotonic() > deadline:
                raise SystemExit(f"{self.kind} did not get there: {status}")
            time.sleep(each_s)

    def resident_mb(self, *, whole: bool) -> float:
        """Return the memory of the manager, or of all processes: what is shared by several counts once for each."""
        pids = self.pids() if whole else [self.manager_pid]
        return sum(psutil.Process(pid).memory_info().rss for pid in pids) / 1e6

    def processor_s(self) -> float:
        """Return the time that all processes have used on a processor so far."""
        # In nanoseconds, where the times of processes go by hundredths of a second.
        files = [file for pid in self.pids() for file in Path(f"/proc/{pid}/task").glob("*/schedstat")]
        return sum(int(file.read_text().split()[0]) for file in files) / 1e9


@contextmanager
def running(kind: str, stage: Stage, startup: Path | None = None) -> Generator[System]:
    """Run one of both, with the simulated profile or with startup code of one's own."""
    with _running_ours(stage, startup) if kind == OURS else _running_peer(stage, startup) as system:
        yield system


def missing_parts(peer: Path) -> str:
    """Return why the peer cannot run, or an empty text."""
    if not peer.is_file():
        return f"there is no interpreter {peer}"
    command = [str(peer), "-c", "import bluesky_queueserver"]
    if subprocess.run(command, capture_output=True, env=clean_environment(), check=False).returncode:
        return f"bluesky-queueserver cannot be imported by {peer}"
    return "" if shutil.which("redis-server") else "there is no redis-server"


@contextmanager
def _running_ours(stage: Stage, startup: Path | None) -> Generator[System]:
    data, ready_file = stage.directory / "data", stage.directory / "ready.json"
    options = ["--data", data, "--ready-file", ready_file, "--startup", startup or "sim", "--http", "off"]
    for name in ("control", "info", "documents"):
        options += [f"--{name}", "tcp://127.0.0.1:0"]
    command = [sys.executable, "-m", "queue_server.cli"]
    stage.directory.mkdir(parents=True, exist_ok=True)
    ready_file.unlink(missing_ok=True)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with (stage.directory / "log").open("w") as log:
        process = subprocess.Popen([*command, "up", *map(str, options)], env=environment, stdout=log, stderr=log)
    try:
        _wait_for(ready_file.exists, [process], stage.directory)
        ready = json.loads(ready_file.read_text())
        with client_of(ready["control"]) as client:
            client.ask("status")

            def pids() -> list[int]:
                # A worker is no child: it outlives whoever started it.
                return sorted({*_family(process.pid), *living_workers(data / "workers")})

            yield System(OURS, ready["control"], client, ready["pids"]["manager"], pids)
    finally:
        subprocess.run([*command, "down", "--data", str(data), "--workers"], env=environment, check=True)
        process.wait(START_S)


@contextmanager
def _running_peer(stage: Stage, startup: Path | None) -> Generator[System]:
    redis, control, info = free_ports(3)
    stage.directory.mkdir(parents=True, exist_ok=True)
    address = f"tcp://127.0.0.1:{control}"
    own = () if startup is None else (f"--startup-dir={startup}", "--keep-re")
    with ExitStack() as stack:
        log = stack.enter_context((stage.directory / "log").open("w"))
        stack.enter_context(running_redis(stage, redis))
        command = peer_command(stage, redis, control, info)
        manager = _start(stack, [*command, *own], stage.directory, log.fileno())
        with client_of(address) as client:
            client.ask("status")
            # The process that was started is a watchdog, and its first child is the manager.
            manager_pid = psutil.Process(manager.pid).children()[0].pid
            yield System(PEER, address, client, manager_pid, lambda: _family(manager.pid), redis)


@contextmanager
def running_redis(stage: Stage, port: int) -> Generator[None]:
    """Run the server in which the peer keeps its queue."""
    stage.directory.mkdir(parents=True, exist_ok=True)
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", str(stage.directory)]
    with ExitStack() as stack:
        log = stack.enter_context((stage.directory / "redis.log").open("w"))
        server = _start(stack, command, stage.directory, log.fileno())
        _wait_for(lambda: _listens(port), [server], stage.directory)
        yield


def peer_command(stage: Stage, redis: int, control: int, info: int) -> list[str]:
    """Return what starts the manager of the peer."""
    assert stage.peer is not None
    return [
        str(stage.peer.parent / "start-re-manager"),
        f"--redis-addr=127.0.0.1:{redis}",
        f"--zmq-control-addr=tcp://127.0.0.1:{control}",
        f"--zmq-info-addr=tcp://127.0.0.1:{info}",
    ]


def _start(stack: ExitStack, command: list[str], directory: Path, log: int) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(command, env=clean_environment(), cwd=directory, stdout=log, stderr=log)
    stack.callback(_end, process)
    return process


def _family(pid: int) -> list[int]:
    try:
        process = psutil.Process(pid)
        return [pid, *(child.pid for child in process.children(recursive=True))]
    except psutil.NoSuchProcess:
        return []


def clean_environment() -> dict[str, str]:
    """Return the environment without what would put our code before theirs."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH" and "QSERVER" not in name}


def _end(process: subprocess.Popen[bytes]) -> None:
    family = [psutil.Process(pid) for pid in _family(process.pid)]
    process.terminate()
    for each in family[1:]:
        # Its workers would outlive it.
        if each.is_running():
            each.kill()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as each:
        return each.connect_ex(("127.0.0.1", port)) == 0


def _wait_for(condition: Callable[[], bool], processes: Sequence[subprocess.Popen[bytes]], directory: Path) -> None:
    deadline = time.monotonic() + START_S
    while not condition():
        if any(process.poll() is not None for process in processes) or time.monotonic() > deadline:
            raise SystemExit(f"{directory.name} did not start:\n{(directory / 'log').read_text()[-2000:]}")
        time.sleep(0.01)


def free_ports(count: int) -> list[int]:
    """Return ports of this host on which nobody listens."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
