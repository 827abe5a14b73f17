"""A program that publishes notices through the socket of the manager, and tells what that has cost.

``python -m tests.faults.publisher NOTICES BYTES RATE``: it prints its address, says hello until a line comes on
standard input, publishes at a steady rate, and prints as JSON how its memory has grown and how long publishing took.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time

import zmq

from queue_server.clock import SystemClock
from queue_server.transport.notices import Form, NoticesSocket
from tests.faults.askers import p99
from tests.processes.waiting import resident_bytes


async def publish(notices: int, size_bytes: int, rate: int) -> None:
    """Do what the program does."""
    loop, go = asyncio.get_running_loop(), asyncio.Event()
    context = zmq.Context()
    socket = NoticesSocket(context, "tcp://127.0.0.1:0", clock=SystemClock(), form=Form())
    loop.add_reader(sys.stdin, go.set)
    sys.stdout.write(f"{socket.address}\n")
    sys.stdout.flush()
    while not go.is_set():
        socket.publish_console(-1.0, "hello")
        await asyncio.sleep(0.01)
    loop.remove_reader(sys.stdin)
    text, times = "x" * size_bytes, list[float]()
    before, begin = resident_bytes(os.getpid()), time.monotonic()
    most = before
    for number in range(notices):
        started = time.perf_counter()
        socket.publish_console(float(number), text)
        # It leaves in the next round of the event loop, which counts as well.
        await asyncio.sleep(0)
        times.append(time.perf_counter() - started)
        if number % 20 == 19:
            await asyncio.sleep(max(0.0, begin + number / rate - time.monotonic()))
        if number % 500 == 499:
            most = max(most, resident_bytes(os.getpid()))
    sys.stdout.write(json.dumps({"growth_mb": (most - before) / 1e6, "p99_ms": p99(times)}) + "\n")
    sys.stdout.flush()
    # What is on its way to the one that reads still has to arrive.
    await asyncio.sleep(1.0)
    socket.close()
    context.destroy(0)


if __name__ == "__main__":
    asyncio.run(publish(*map(int, sys.argv[1:])))
