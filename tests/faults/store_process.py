"""A process that forks children which use a store until they are killed, and tells what they reported.

Run as a program it reads one job per line from the standard input, as JSON, and writes one answer per line. A job has
``directory``, ``seed``, ``operations`` (how many at most) and, optionally, ``kill_after_s`` and ``failpoints``. A child
reports the epoch and what it found after it has opened the store, then the number of each operation that was
acknowledged to it, then ``closed``; and the code of an error of the store, after which it repeats an operation once if
the disk was full, and ends otherwise. A child loads the store itself, so that it sees the failpoints of its job, unless
the process was started with ``preload``: then children live without failpoints, and nearly from the first instruction
on in the store.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]


class StoreProcess:
    """The other end of the process: jobs in, answers out."""

    def __init__(self, process):
        self._process = process

    def run(self, **job):
        """Have a child do a job; return its exit status and its reports."""
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        return answer["status"], answer["reports"]


@contextmanager
def store_process(*arguments):
    """Start the process, and end it."""
    command = [sys.executable, "-m", "tests.faults.store_process", *arguments]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    # The block closes the input, at the end of which the process ends, and waits for it.
    with subprocess.Popen(command, cwd=ROOT, **pipes) as process:
        yield StoreProcess(process)


def _serve():
    for line in sys.stdin:
        job = json.loads(line)
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reader)
            _be_child(job, writer)
        os.close(writer)
        if "kill_after_s" in job:
            time.sleep(job["kill_after_s"])
            os.kill(child, signal.SIGKILL)
        with os.fdopen(reader) as reports:
            # A report that was cut off by the kill was not delivered.
            lines = [text for text in reports if text.endswith("\n")]
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        sys.stdout.write(json.dumps({"status": status, "reports": [json.loads(text) for text in lines]}) + "\n")
        sys.stdout.flush()


def _be_child(job, writer):
    status = 1
    try:
        if job.get("failpoints"):
            os.environ |= {"CUELIGHT_FAULT_TESTS": "1", "CUELIGHT_FAILPOINTS": job["failpoints"]}
        asyncio.run(_work(job, lambda report: os.write(writer, f"{json.dumps(report)}\n".encode())))
        status = 0
    finally:
        sys.stderr.flush()
        os._exit(status)


async def _work(job, report):
    from queue_server.clock import Chance, SystemClock
    from queue_server.protocol.errors import StorageError, StorageFullError
    from queue_server.storage.sqlite import open_sqlite
    from tests.faults.workload import Operation, snapshot

    try:
        store = open_sqlite(Path(job["directory"]), clock=SystemClock(), chance=Chance())
        found = await store.transact(snapshot)
        report({"epoch": store.epoch, "found": found})
        for number in range(found["last_seq"] + 1, found["last_seq"] + 1 + job["operations"]):
            try:
                await store.transact(Operation(job["seed"], number, store.epoch))
            except StorageFullError as error:
                report({"error": error.code})
                await store.transact(Operation(job["seed"], number, store.epoch))
            report(number)
        await store.close()
        report("closed")
    except StorageError as error:
        report({"error": error.code})


def _load(*names):
    for name in names:
        importlib.import_module(name)


if __name__ == "__main__":
    _load("apsw", "ctypes", "fcntl", "orjson", "uuid", "queue_server.protocol.errors", "queue_server.protocol.items")
    if "preload" in sys.argv[1:]:
        _load("queue_server.storage.sqlite", "tests.faults.workload")
    _serve()
