"""R4: WebSockets that never read cost the gateway a bounded amount of memory, and are closed."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import socket
import sys
import time
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import psutil
import pytest

from tests.doubles.gateway import AnsweringManager
from tests.faults.tiers import rounds
from tests.processes.waiting import resident_bytes

STALLED = rounds(10, 50)
MOST_GROWTH_MB = 64
MOST_CLOSED_S = 10.0
# What the kernel keeps for a connection is full after this much, many times over.
FILLED_BYTES = 8_000_000
NOTICE_BYTES = 8_000


@asynccontextmanager
async def serving(manager, directory):
    """Run ``python -m http_gateway``; give its process and where it listens."""
    settings = {"control": manager.control, "info": manager.info, "http": "127.0.0.1:0", "data": str(directory)}
    settings_fd, feeder = os.pipe()
    os.write(feeder, json.dumps(settings).encode())
    os.close(feeder)
    reader, report_fd = os.pipe()
    words = ["-m", "http_gateway", "--settings-fd", str(settings_fd), "--report-fd", str(report_fd)]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *words, pass_fds=(settings_fd, report_fd), stdout=asyncio.subprocess.DEVNULL
    )
    os.close(settings_fd)
    os.close(report_fd)
    try:
        with os.fdopen(reader) as reports:
            url = ""
            async with asyncio.timeout(60):
                while not url:
                    report = json.loads(await asyncio.to_thread(reports.readline))
                    url = report.get("ready", {}).get("url", "")
            yield process, urlsplit(url)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def make_frame(message):
    """Return a masked text frame."""
    data = json.dumps(message).encode()
    assert len(data) < 126
    return b"\x81" + bytes([0x80 | len(data)]) + bytes(4) + data


def open_socket(url, key):
    """Open a WebSocket, subscribe to the console, and read nothing more."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(10)
    connection.connect((url.hostname, url.port))
    nonce = base64.b64encode(os.urandom(16)).decode()
    lines = [
        "GET /v1/stream HTTP/1.1",
        f"Host: {url.netloc}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {nonce}",
        "Sec-WebSocket-Version: 13",
        f"Authorization: ApiKey {key}",
    ]
    connection.send(("\r\n".join(lines) + "\r\n\r\n").encode())
    assert connection.recv(12) == b"HTTP/1.1 101"
    connection.send(make_frame({"op": "sub", "topics": ["console"]}))
    return connection


def count_connections(pids, port):
    """Return how many connections the processes have at a port: whoever does not read hears of no end."""
    found = [each for pid in pids for each in psutil.Process(pid).net_connections("tcp")]
    return sum(each.status == "ESTABLISHED" and each.laddr.port == port for each in found)


@pytest.mark.night
@pytest.mark.fault("R4")
async def test_websockets_that_never_read_are_closed_and_cost_little(tmp_path, figure):
    manager = AnsweringManager()
    async with serving(manager, tmp_path) as (process, url):
        key = (tmp_path / "api-key").read_text().strip()
        stalled = [await asyncio.to_thread(open_socket, url, key) for _ in range(STALLED)]
        pids = [process.pid, *(child.pid for child in psutil.Process(process.pid).children())]
        before = most = sum(map(resident_bytes, pids))
        sent, full, left = 0, 0.0, count_connections(pids, url.port)
        assert left == STALLED
        begin = time.monotonic()
        while left and time.monotonic() < begin + 40:
            for _ in range(50):
                await manager.publish("QS_Console", {"time": float(sent), "msg": "x" * NOTICE_BYTES + "\n"})
                sent += 1
                await asyncio.sleep(0.002)
            if not full and sent * NOTICE_BYTES > FILLED_BYTES:
                full = time.monotonic()
            left = count_connections(pids, url.port)
            most = max(most, sum(map(resident_bytes, pids)))
        slowest = time.monotonic() - full
        for connection in stalled:
            connection.close()
    await manager.close()
    grown = (most - before) / 1e6
    figure(f"memory for {STALLED} WebSockets that never read, MB", MOST_GROWTH_MB, f"{grown:.1f}")
    figure("closed after, s", MOST_CLOSED_S, f"{slowest:.1f} ({STALLED - left} of {STALLED})")
    assert left == 0
    assert slowest <= MOST_CLOSED_S
    assert grown <= MOST_GROWTH_MB
