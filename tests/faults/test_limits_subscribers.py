"""R3: subscribers that never read cost a bounded amount of memory and no time, and whoever reads loses nothing."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
import zmq

from tests.faults.askers import connect

ROOT = Path(__file__).parents[2]
STALLED = 10
NOTICE_BYTES = 10_000
RATE = 2_000
MOST_GROWTH_MB = 64
MOST_PUBLISH_MS = 1.0
TIME = re.compile(rb'"time":(-?[0-9.]+)')


def check_stalled(figure, notices):
    command = [sys.executable, "-m", "tests.faults.publisher", str(notices), str(NOTICE_BYTES), str(RATE)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        stalled = [connect(zmq.SUB, address, RCVHWM=1, RCVBUF=4096) for _ in range(STALLED)]
        reader = connect(zmq.SUB, address)
        for socket in (*stalled, reader):
            socket.subscribe(b"")
        # The publisher says hello until everybody has heard it.
        for socket in (*stalled, reader):
            assert socket.poll(60_000)
        process.stdin.write("go\n")
        process.stdin.flush()
        numbers = read_numbers(reader, notices)
        told = json.loads(process.stdout.readline())
        for socket in (*stalled, reader):
            socket.close(0)
    assert process.returncode == 0
    growth = f"{told['growth_mb']:.1f}"
    figure(f"memory after {notices:,} notices to {STALLED} that never read, MB", MOST_GROWTH_MB, growth)
    figure("publishing p99, ms", MOST_PUBLISH_MS, f"{told['p99_ms']:.3f}")
    figure("lost by the one that reads", 0, notices - len(numbers))
    assert numbers == list(range(notices))
    assert told["growth_mb"] <= MOST_GROWTH_MB
    # The figure is for a machine that does nothing else; here other tests run beside it.
    assert told["p99_ms"] <= 20 * MOST_PUBLISH_MS


def read_numbers(reader, notices):
    """Read as fast as possible, and look at what was read afterwards."""
    beginnings, last = [], f'"time":{notices - 1}.'.encode()
    reader.set(zmq.RCVTIMEO, 5_000)
    until = time.monotonic() + notices / RATE + 30
    with suppress(zmq.Again):
        while time.monotonic() < until and last not in (beginnings or [b""])[-1]:
            beginnings.append(reader.recv_multipart()[1][:100])
    numbers = [int(float(found[1])) for found in map(TIME.search, beginnings) if found is not None]
    return [number for number in numbers if number >= 0]


def test_some_seconds_of_notices_to_stalled_subscribers(figure):
    check_stalled(figure, 8_000)


@pytest.mark.night
@pytest.mark.fault("R3")
def test_subscribers_that_never_read_cost_nobody_anything(figure):
    check_stalled(figure, 100_000)
