"""What the machine allows: an echo, a commit, a bare import, each measured in the same run as what it limits."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import apsw
import zmq

from benchmarks.client import Client, client_of
from benchmarks.speed.row import Stage, Take

ECHO = "echo"
COMMIT = "commit"


@contextmanager
def running_echo(reply: bytes) -> Generator[str]:
    """Run a blocking ROUTER in a process of its own that answers everything with ``reply``; give its address."""
    with tempfile.TemporaryDirectory(prefix="cuelight-benchmark-") as name:
        file = Path(name) / "reply"
        file.write_bytes(reply)
        command = [sys.executable, "-m", "benchmarks.speed.limits", str(file)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        try:
            assert process.stdout is not None
            yield process.stdout.readline().decode().strip()
        finally:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


def serve_echo(reply: bytes) -> None:
    """Be that process."""
    socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.ROUTER)
    port = socket.bind_to_random_port("tcp://127.0.0.1")
    sys.stdout.write(f"tcp://127.0.0.1:{port}\n")
    sys.stdout.flush()
    while True:
        frames = socket.recv_multipart()
        socket.send_multipart([*frames[:-1], reply])


@contextmanager
def echoing(reply: bytes) -> Generator[Client]:
    """Give a client of an echo."""
    with running_echo(reply) as address, client_of(address) as client:
        client.ask_raw(b"")
        yield client


def time_commits(stage: Stage, *, rows: int = 1, count: int = 100, content: bytes = bytes(300)) -> float:
    """Return how many commits of so many rows of about the size of an item SQLite makes per second, each synced."""
    stage.directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=stage.directory) as name:
        connection = apsw.Connection(str(Path(name) / "store.db"))
        for statement in ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", "CREATE TABLE item (content BLOB)"):
            connection.execute(statement).fetchall()
        began = time.perf_counter()
        for _ in range(count):
            with connection:
                connection.executemany("INSERT INTO item VALUES (?)", [(content,)] * rows)
        taken = time.perf_counter() - began
        connection.close()
    return count / taken


@contextmanager
def committing(stage: Stage, _: int) -> Generator[Take]:
    """Measure the rate of commits of one row."""
    yield lambda: time_commits(stage)


def time_import(modules: str) -> float:
    """Return how long a bare interpreter takes to import so much, in seconds."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", f"import {modules}"], check=True)
    return time.perf_counter() - began


if __name__ == "__main__":
    serve_echo(Path(sys.argv[1]).read_bytes())
