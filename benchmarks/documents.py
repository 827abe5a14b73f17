"""What recording and publishing cost a plan: the rate of events of a bare RunEngine, and with both.

One RunEngine is bare, the other has its documents recorded on the disk, published, forwarded by another process and
read by a third. They take turns in one process, in many short blocks, so that each pair meets the same machine; the
ratio is the median over the pairs. The first figure is of time that passes, the second of the time that the process
uses on a processor, which says more where a machine is busy with other things. Nothing is judged here.

The plan is the quickest there is: a bare sequence of messages that reads a device of three numbers.

    python -m benchmarks.documents [--events 500] [--pairs 30] [--data DIR] [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import zmq
from bluesky import Msg, RunEngine

from device_worker.documents.flow import DocumentFlow
from device_worker.documents.publish import Outlet, Publisher
from device_worker.documents.record import Recorder
from device_worker.documents.sync import Syncer
from queue_server.client.blocking import Documents
from queue_server.client.documents import MOST_WAITING, Document
from queue_server.clock import SystemClock
from queue_server.transport.documents import DocumentsSocket, Door

PATIENCE_MS = 30_000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--events", type=int, default=500, help="events of one run (default: %(default)s)")
    parser.add_argument("--pairs", type=int, default=30, help="how many pairs of runs (default: %(default)s)")
    parser.add_argument("--data", type=Path, help="where runs are recorded (default: a directory for temporary files)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--forward", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.forward:
        asyncio.run(forward(options.forward))
    elif options.read:
        read(options.read)
    else:
        with tempfile.TemporaryDirectory(prefix="cuelight-benchmark-", dir=options.data) as directory:
            result = measure(Path(directory), options.events, options.pairs)
        print(json.dumps(result, indent=2) if options.json else show(result))


def measure(directory: Path, events: int, pairs: int) -> dict[str, Any]:
    """Let both RunEngines take turns."""
    syncer = Syncer()
    syncer.start()
    publisher = Publisher(Outlet(f"ipc://{directory}/in", "default", "benchmark"), SystemClock())
    publisher.start()
    flow = DocumentFlow(Recorder(directory, syncer), publisher)
    bare, full = RunEngine({}, context_managers=[]), RunEngine({}, context_managers=[])
    flow.attach(full)
    with others(directory) as reader:
        publisher.publish("start", {})
        for engine in (bare, full):
            take_time(engine, events)
        times: list[tuple[tuple[float, float], tuple[float, float]]] = []
        for number in range(pairs):
            # Whoever is second may find a warmer processor.
            first, second = (bare, full) if number % 2 else (full, bare)
            one, other = take_time(first, events), take_time(second, events)
            times.append((one, other) if first is bare else (other, one))
        received = end_reading(reader, publisher)
        total = publisher.number
    flow.close()
    recorded_bytes = sum(file.stat().st_size for file in (directory / "runs").rglob("*.jsonl"))
    return summarise(times, events) | {"published": total, "received": received, "recorded_bytes": recorded_bytes}


class Counter:
    """A device that answers at once."""

    name = "counter"
    parent = None

    def __init__(self) -> None:
        self._count = 0

    def read(self) -> dict[str, Any]:
        """Return three numbers."""
        self._count += 1
        return {name: {"value": self._count / 7, "timestamp": 1.0 + self._count} for name in ("x", "y", "z")}

    def describe(self) -> dict[str, Any]:
        """Tell what the numbers are."""
        return {name: {"source": "made", "dtype": "number", "shape": []} for name in ("x", "y", "z")}

    def read_configuration(self) -> dict[str, Any]:
        """Return nothing."""
        return {}

    def describe_configuration(self) -> dict[str, Any]:
        """Return nothing."""
        return {}


COUNTER = Counter()


def measure_points(events: int) -> Generator[Msg, Any, None]:
    """One run with so many events."""
    yield Msg("open_run", None)
    for _ in range(events):
        yield Msg("create", None, name="primary")
        yield Msg("read", COUNTER)
        yield Msg("save")
    yield Msg("close_run", None)


def take_time(engine: RunEngine, events: int) -> tuple[float, float]:
    """Run once; return the seconds that passed, and those of them that this process computed."""
    passed_s, computed_s = time.perf_counter(), time.process_time()
    engine(measure_points(events))
    return time.perf_counter() - passed_s, time.process_time() - computed_s


def summarise(times: list[tuple[tuple[float, float], tuple[float, float]]], events: int) -> dict[str, Any]:
    """Return rates, and how the two compare in each pair."""
    ratios = [[bare[which] / full[which] for bare, full in times] for which in (0, 1)]
    return {
        "events": events,
        "pairs": len(times),
        "bare_events_per_s": round(events / statistics.median(bare[0] for bare, _ in times)),
        "events_per_s": round(events / statistics.median(full[0] for _, full in times)),
        "ratio": round(statistics.median(ratios[0]), 3),
        "ratio_of_computing": round(statistics.median(ratios[1]), 3),
        "more_us_per_event": round(1e6 * statistics.median(full[1] - bare[1] for bare, full in times) / events, 1),
    }


def show(result: dict[str, Any]) -> str:
    """Return the result as text."""
    return (
        f"bare RunEngine               {result['bare_events_per_s']:7d} events/s\n"
        f"recorded, published, read    {result['events_per_s']:7d} events/s\n"
        f"ratio                          {result['ratio']:.1%} of the rate, median of {result['pairs']} pairs\n"
        f"ratio of computing time        {result['ratio_of_computing']:.1%}, "
        f"{result['more_us_per_event']} us more for each event\n"
        f"the subscriber received {result['received']} of {result['published']} documents"
    )


# --- the other processes --------------------------------------------------------------------------------------------


@contextmanager
def others(directory: Path) -> Iterator[subprocess.Popen[str]]:
    """Start forwarder and subscriber; give the latter."""
    forwarder = start("--forward", directory)
    reader = start("--read", directory)
    try:
        yield reader
    finally:
        for process in (reader, forwarder):
            process.terminate()
            process.wait()


def start(option: str, directory: Path) -> subprocess.Popen[str]:
    """Start this program as another process, and wait until it is ready."""
    command = [sys.executable, "-m", "benchmarks.documents", option, str(directory)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)
    assert process.stdout is not None
    if process.stdout.readline() != "ready\n":
        raise SystemExit(f"The process with {option} did not start.")
    return process


def end_reading(reader: subprocess.Popen[str], publisher: Publisher) -> int:
    """Return how many documents the subscriber has received, once it has been told of the last."""
    assert reader.stdin is not None
    assert reader.stdout is not None
    reader.stdin.write(f"{publisher.number}\n")
    reader.stdin.flush()
    return int(reader.stdout.readline())


async def forward(directory: Path) -> None:
    """Be the manager, as far as documents go."""
    socket = DocumentsSocket(zmq.Context(), Door(f"ipc://{directory}/out"), [Door(f"ipc://{directory}/in")])
    tell("ready")
    await asyncio.to_thread(sys.stdin.read)
    socket.close()


def read(directory: Path) -> None:
    """Be a subscriber that counts."""
    socket = zmq.SyncContext.instance().socket(zmq.SUB)
    socket.setsockopt(zmq.RCVHWM, MOST_WAITING)
    socket.setsockopt(zmq.SUBSCRIBE, b"")
    socket.connect(f"ipc://{directory}/out")
    # The first mark shows that the subscription has arrived.
    assert socket.poll(PATIENCE_MS)
    socket.recv_multipart()
    tell("ready")
    documents, received, number = Documents(socket), 0, 0
    asked = zmq.Poller()
    asked.register(sys.stdin.fileno(), zmq.POLLIN)
    asked.register(socket, zmq.POLLIN)
    wanted = None
    while wanted is None or number < wanted:
        ready = dict(asked.poll(PATIENCE_MS))
        if sys.stdin.fileno() in ready:
            wanted = int(os.read(sys.stdin.fileno(), 100))
            asked.unregister(sys.stdin.fileno())
        while (found := documents.receive(0 if wanted is None else 2)) is not None:
            received += isinstance(found, Document)
            number = found.number if isinstance(found, Document) else found.last
            if wanted is not None and number >= wanted:
                break
    tell(str(received))


def tell(text: str) -> None:
    """Write a line to the process that waits for it."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
