"""A program that floods a manager, in a process of its own so that whoever measures is not slowed down by it.

``python -m tests.faults.flood KIND ADDRESS RATE SECONDS [SERVER_KEY PUBLIC SECRET]`` with the kinds ``requests``
(mutations from one client) and ``handshakes`` (connections that are made and closed at once). It prints, as JSON,
how many were made, and how many replies said what.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import zmq

from tests.faults.askers import Keys, connect

ROOT = Path(__file__).parents[2]
# How long the last replies may take, on a machine that does other things too.
PATIENCE_S = 60
REQUEST = json.dumps({"method": "queue_mode_set", "params": {"mode": {"loop": False}}}).encode()


def start(kind: str, address: str, rate: int, seconds: float, keys: Keys | None = None) -> subprocess.Popen[bytes]:
    """Start the program."""
    secrets = [] if keys is None else [keys.server.decode(), keys.public.decode(), keys.secret.decode()]
    command = [sys.executable, "-m", "tests.faults.flood", kind, address, str(rate), str(seconds), *secrets]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)


def finish(process: subprocess.Popen[bytes], seconds: float) -> dict[str, int]:
    """Wait for its end; return what it has printed."""
    output, _ = process.communicate(timeout=seconds)
    assert process.returncode == 0
    return json.loads(output)


def send_requests(address: str, rate: int, seconds: float, keys: Keys | None) -> dict[str, int]:
    """Send requests at a steady rate, and read the replies as they come."""
    socket = connect(zmq.DEALER, address, keys, SNDHWM=100_000, RCVHWM=100_000)
    told: Counter[str] = Counter()
    begin, sent = time.monotonic(), 0
    while (now := time.monotonic() - begin) < seconds + PATIENCE_S:
        due = min(int(now * rate), int(seconds * rate))
        for _ in range(due - sent):
            socket.send(REQUEST)
        sent = due
        while socket.poll(2 if sent < seconds * rate else 100):
            reply = json.loads(socket.recv())
            told["done" if reply["success"] else reply["error"]["code"]] += 1
        if sent >= seconds * rate and sum(told.values()) >= sent:
            break
    socket.close(0)
    return {"made": sent, **told}


def shake_hands(address: str, rate: int, seconds: float, keys: Keys | None) -> dict[str, int]:
    """Connect and close at a steady rate; a connection lives for a quarter of a second."""
    alive: list[zmq.Socket[bytes]] = []
    begin, made = time.monotonic(), 0
    while (now := time.monotonic() - begin) < seconds:
        due = int(now * rate)
        for _ in range(due - made):
            alive.append(connect(zmq.DEALER, address, keys))
        made = due
        while len(alive) > rate // 4:
            alive.pop(0).close(0)
        time.sleep(0.002)
    for socket in alive:
        socket.close(0)
    return {"made": made}


if __name__ == "__main__":
    kind, address, rate, seconds, *secrets = sys.argv[1:]
    given = Keys(*(key.encode() for key in secrets)) if secrets else None
    flood = {"requests": send_requests, "handshakes": shake_hands}[kind]
    sys.stdout.write(json.dumps(flood(address, int(rate), float(seconds), given)))
