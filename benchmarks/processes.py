"""Processes that are measured: how they start and end, what memory and time they take, and free ports for them."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil

START_S = 60.0
END_S = 10.0


@contextmanager
def running_process(
    command: Sequence[str], directory: Path, more: Mapping[str, str] | None = None
) -> Generator[subprocess.Popen[bytes]]:
    """Run a command in a directory of its own, where its ``log`` is, with ``more`` in its environment.

    At the end it is asked to end, and its children are killed.
    """
    directory.mkdir(parents=True, exist_ok=True)
    environment = clean_environment() | dict(more or {})
    with log_of(directory).open("ab") as log:
        process = subprocess.Popen(command, env=environment, cwd=directory, stdout=log, stderr=log)
    try:
        yield process
    finally:
        _end(process)


def log_of(directory: Path) -> Path:
    """Return the file with what a process in this directory prints."""
    return directory / "log"


def clean_environment() -> dict[str, str]:
    """Return the environment without what would put our code before theirs, or settings before what is measured."""
    foreign = ("PYTHONPATH", "CUELIGHT_", "QSERVER_")
    return {name: value for name, value in os.environ.items() if not name.startswith(foreign)}


def free_ports(count: int) -> list[int]:
    """Return ports of this host on which nobody listens."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def listens(port: int) -> bool:
    """Return whether somebody listens on a port of this host."""
    with socket.socket() as each:
        return each.connect_ex(("127.0.0.1", port)) == 0


def wait_for_start(process: subprocess.Popen[bytes], directory: Path, is_ready: Callable[[], bool]) -> None:
    """Look again and again whether a process that runs in ``directory`` is ready: nothing tells of all of them.

    Raises:
        SystemExit: it has ended, or takes longer than ``START_S``; with the end of its log.
    """
    deadline = time.monotonic() + START_S
    while not is_ready():
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"{directory.name} did not start:\n{log_of(directory).read_text()[-2000:]}")
        time.sleep(0.01)


def family(pid: int) -> list[int]:
    """Return the process and all that it has started, directly or not; nothing of one that has ended."""
    try:
        process = psutil.Process(pid)
        return [pid, *(child.pid for child in process.children(recursive=True))]
    except psutil.NoSuchProcess:
        return []


def resident_mb(*pids: int) -> float:
    """Return the memory of processes in 10^6 bytes: what is shared by several counts once for each."""
    return sum(psutil.Process(pid).memory_info().rss for pid in pids) / 1e6


def processor_s(*pids: int) -> float:
    """Return the time that the threads of processes have used on a processor so far."""
    # In nanoseconds, where the times of processes go by hundredths of a second.
    files = [file for pid in pids for file in Path(f"/proc/{pid}/task").glob("*/schedstat")]
    return sum(int(file.read_text().split()[0]) for file in files) / 1e9


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    children = [psutil.Process(pid) for pid in family(process.pid)[1:]]
    process.terminate()
    for child in children:
        # Workers would outlive their manager.
        if child.is_running():
            child.kill()
    try:
        process.wait(END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
