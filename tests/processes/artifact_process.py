"""A process that forks children which store artifacts until they are killed, and tells what they reported.

Run as a program it reads one job per line from the standard input, as JSON, and writes one answer per line. A job has
``root``, ``seed``, ``count`` (how many artifacts at most) and, optionally, ``kills`` (after how many seconds each child
is killed, one child for each) and ``failpoints``. A child reports ``opened``, then the id of each artifact when it is
committed, or the code of the error that it met, and ``done``. Children with the same seed store the same artifacts. A
child loads the store itself, so that it sees the failpoints of its job, unless the process was started with
``preload``: then children live without failpoints, and nearly from the first instruction on in the store.
"""

from __future__ import annotations

import importlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
PIECE_BYTES = 16 * 1024
MOST_PIECES = 16


class ArtifactProcess:
    """The other end of the process: jobs in, answers out."""

    def __init__(self, process):
        self._process = process

    def run(self, **job):
        """Have the children do a job; return for each its exit status and its reports."""
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


@contextmanager
def artifact_process(*arguments):
    """Start the process, and end it."""
    command = [sys.executable, "-m", "tests.processes.artifact_process", *arguments]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    # The block closes the input, at the end of which the process ends, and waits for it.
    with subprocess.Popen(command, cwd=ROOT, **pipes) as process:
        yield ArtifactProcess(process)


def pieces_of(seed, number):
    """Return what the artifact with this number consists of: up to 256 KiB in pieces."""
    chance = random.Random(f"{seed} {number}")
    return [chance.randbytes(PIECE_BYTES) for _ in range(chance.randrange(MOST_PIECES))] + [f"{number}".encode()]


def _serve():
    for line in sys.stdin:
        job = json.loads(line)
        kills = job.get("kills", [None])
        children = [_start(job) for _ in kills]
        _kill(zip((child for child, _ in children), kills, strict=True))
        sys.stdout.write(json.dumps([_end(*child) for child in children]) + "\n")
        sys.stdout.flush()


def _start(job):
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _be_child(job, writer)
    os.close(writer)
    return child, reader


def _kill(pairs):
    began = time.monotonic()
    for child, after_s in sorted((pair for pair in pairs if pair[1] is not None), key=lambda pair: pair[1]):
        time.sleep(max(0.0, after_s - (time.monotonic() - began)))
        os.kill(child, signal.SIGKILL)


def _end(child, reader):
    with os.fdopen(reader) as reports:
        # A report that was cut off by the kill was not delivered.
        lines = [text for text in reports if text.endswith("\n")]
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return {"status": status, "reports": [json.loads(text) for text in lines]}


def _be_child(job, writer):
    status = 1
    try:
        if job.get("failpoints"):
            os.environ |= {"CUELIGHT_FAULT_TESTS": "1", "CUELIGHT_FAILPOINTS": job["failpoints"]}
        _work(job, lambda report: os.write(writer, f"{json.dumps(report)}\n".encode()))
        status = 0
    finally:
        sys.stderr.flush()
        os._exit(status)


def _work(job, report):
    from queue_server.artifacts.store import open_artifacts
    from queue_server.protocol.errors import StorageError

    store = open_artifacts(Path(job["root"]), reserve_bytes=0)
    report("opened")
    for number in range(job["count"]):
        try:
            with store.begin() as writer:
                for piece in pieces_of(job["seed"], number):
                    writer.write(piece)
                report(writer.commit().id)
        except StorageError as error:
            report(error.code)
    report("done")


def _load(*names):
    for name in names:
        importlib.import_module(name)


if __name__ == "__main__":
    _load("hashlib", "fcntl", "logging", "queue_server.clock", "queue_server.protocol.records")
    if "preload" in sys.argv[1:]:
        _load("queue_server.artifacts.store")
    _serve()
