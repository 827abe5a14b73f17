"""The two systems that the measurements of HTTP compare, each in processes of its own on free ports of this host."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from http_load import PATIENCE_S, Site, ask

ROOT = Path(__file__).parents[1]
STOCK_KEY = "benchmark"
START_S = 60.0


@dataclass(frozen=True)
class Gateway:
    """Our gateway while it runs."""

    site: Site
    pid: int

    def memory_mb(self) -> float:
        """Return the resident memory of its process."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        raise SystemExit("The gateway has ended.")


@contextmanager
def running_cuelight(directory: Path) -> Generator[Gateway]:
    """Run a whole system with its gateway."""
    data, ready_file = directory / "data", directory / "ready.json"
    options = ["--data", data, "--ready-file", ready_file, "--startup", "sim", "--http", "127.0.0.1:0"]
    for name in ("control", "info", "documents"):
        options += [f"--{name}", "tcp://127.0.0.1:0"]
    command = [sys.executable, "-m", "queue_server.cli"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "log").open("w") as log:
        process = subprocess.Popen([*command, "up", *map(str, options)], env=environment, stdout=log, stderr=log)
    try:
        _wait_for(ready_file.exists, [process], directory)
        ready = json.loads(ready_file.read_text())
        site = Site(ready["http"], (data / "api-key").read_text().strip())
        # The stock server has its list of plans from a file, ours from the worker.
        asyncio.run(ask(site, "POST", "/api/environment/open"))
        _wait_for(lambda: _tells(site, "worker_environment_state"), [process], directory)
        yield Gateway(site, ready["pids"]["gateway"])
    finally:
        subprocess.run([*command, "down", "--data", str(data), "--workers"], env=environment, check=True)
        process.wait(PATIENCE_S)


def missing_parts(stock: Path) -> str:
    """Return why the stock pair cannot run, or an empty text."""
    if not stock.is_file():
        return f"there is no interpreter {stock}"
    check = "import bluesky_httpserver.app, bluesky_queueserver, uvicorn"
    if subprocess.run([str(stock), "-c", check], capture_output=True, env=_clean_environment()).returncode:
        return f"bluesky-httpserver cannot be imported by {stock}"
    return "" if shutil.which("redis-server") else "there is no redis-server"


@contextmanager
def running_stock(directory: Path, stock: Path) -> Generator[Site]:
    """Run Redis, bluesky-queueserver and bluesky-httpserver."""
    redis, control, info, http = _free_ports(4)
    directory.mkdir(parents=True)
    environment = {
        **_clean_environment(),
        "QSERVER_HTTP_SERVER_SINGLE_USER_API_KEY": STOCK_KEY,
        "QSERVER_ZMQ_CONTROL_ADDRESS": f"tcp://127.0.0.1:{control}",
        "QSERVER_ZMQ_INFO_ADDRESS": f"tcp://127.0.0.1:{info}",
    }
    bound = f"tcp://127.0.0.1:{control}", f"tcp://127.0.0.1:{info}"
    commands = (
        ["redis-server", "--port", str(redis), "--bind", "127.0.0.1", "--dir", str(directory), "--daemonize", "no"],
        [str(stock.parent / "start-re-manager"), "--redis-addr", f"127.0.0.1:{redis}", "--zmq-publish-console", "ON",
         "--zmq-control-addr", bound[0], "--zmq-info-addr", bound[1]],
        [str(stock), "-m", "uvicorn", "--host", "127.0.0.1", "--port", str(http), "--no-access-log",
         "bluesky_httpserver.server:app"],
    )  # fmt: skip
    site = Site(f"http://127.0.0.1:{http}", STOCK_KEY)
    with ExitStack() as stack:
        log = stack.enter_context((directory / "log").open("w"))
        processes: list[subprocess.Popen[bytes]] = []
        for command in commands:
            process = subprocess.Popen(command, env=environment, cwd=directory, stdout=log, stderr=log)
            processes.append(process)
            stack.callback(_end, process)
        _wait_for(lambda: _tells(site, "manager_state"), processes, directory)
        yield site


def _clean_environment() -> dict[str, str]:
    """Return the environment without what would put our code before theirs."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH" and "QSERVER" not in name}


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _tells(site: Site, state: str) -> bool:
    """Return whether the server answers, and says that this state is idle."""
    try:
        return asyncio.run(ask(site, "GET", "/api/status"))[state] == "idle"
    except (OSError, KeyError, SystemExit):
        return False


def _wait_for(condition: Callable[[], bool], processes: list[subprocess.Popen[bytes]], directory: Path) -> None:
    deadline = time.monotonic() + START_S
    while not condition():
        if any(process.poll() is not None for process in processes) or time.monotonic() > deadline:
            raise SystemExit(f"{directory.name} did not start:\n{(directory / 'log').read_text()[-2000:]}")
        time.sleep(0.1)


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
