"""H1 and H4: connections that never finish what they say, and sockets that say far too much."""

from __future__ import annotations

import threading
import time
import zlib
from contextlib import ExitStack
from functools import cache

import httpx
import pytest
import websockets
from websockets.sync.client import connect

from http_gateway.connections import HEAD_S, MOST_HEAD_BYTES
from tests.faults.tiers import SLACK, rounds
from tests.faults.wire import Wire
from tests.processes.waiting import wait_until

MOST_OPEN_S = 15.0
MOST_OTHERS_S = 0.2
LEAST_ANSWERS = 20
HEADS, BODIES = rounds(60, 1000), rounds(20, 200)
MOST_FLOOD_S = 1.0
SOCKETS = ("/v1/stream", "/api/status/ws", "/api/console_output/ws")


class Others:
    """A client that asks all the time, and how long its answers take."""

    def __init__(self, system, authorization):
        self._url, self._headers = system.ready["http"], {"Authorization": authorization}
        self.spent = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._ask)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._ended.set()
        self._thread.join(60)

    def _ask(self):
        with httpx.Client(base_url=self._url, headers=self._headers, trust_env=False, timeout=60) as client:
            while not self._ended.wait(0.02):
                started = time.monotonic()
                client.get("/v1/status").raise_for_status()
                self.spent.append(time.monotonic() - started)

    @property
    def p99_s(self):
        """How long nearly all answers take."""
        wait_until(lambda: len(self.spent) >= LEAST_ANSWERS, "answers to others")
        return sorted(self.spent)[max(0, int(len(self.spent) * 0.99) - 1)]


def begin(url, authorization, number):
    """Open a connection that says the beginning of something, in one of several ways."""
    wire = Wire(url)
    kinds = [
        b"",
        b"GET /v1/status HTTP/1.1\r\nHost: here\r\n",
        b"GET /v1/status HTTP/1.1\r\nHost: here\r\nX-A",
        b"G",
        b"GET /v1/status HTTP/1.1\r\nHost: here\r\n\r\nGET /v1/sta",
    ]
    wire.send(kinds[number % len(kinds)])
    return wire


def begin_body(url, authorization, number):
    """Open a connection that sends its body letter by letter."""
    path = ("/v1/queue/items", "/api/queue/item/add", "/api/auth/session/refresh", "/v1/none")[number % 4]
    wire = Wire(url)
    head = f"POST {path} HTTP/1.1\r\nHost: here\r\nAuthorization: {authorization}\r\nContent-Length: 100000\r\n\r\n"
    wire.send(head.encode())
    return wire


@pytest.mark.fault("H1", scales=True)
def test_connections_that_never_finish_are_closed(system, authorization, figure):
    url = system.ready["http"]
    with ExitStack() as stack, Others(system, authorization) as others:
        started = time.monotonic()
        wires = [begin(url, authorization, number) for number in range(HEADS)]
        slow = [begin_body(url, authorization, number) for number in range(BODIES)]
        for wire in (*wires, *slow):
            stack.callback(wire.close)
        open_wires = {*wires, *slow}
        while open_wires and time.monotonic() - started < 2 * MOST_OPEN_S:
            for wire in list(open_wires):
                # A letter now and then, so that nothing ever falls silent.
                wire.send(b"x")
                if wire.has_ended:
                    open_wires.discard(wire)
            time.sleep(0.5)
        spent_s = time.monotonic() - started
        others_s = others.p99_s
    figure("connections left open", 0, len(open_wires))
    figure("all closed after, s", MOST_OPEN_S, f"{spent_s:.1f}")
    figure("others p99 meanwhile, ms", 200, f"{others_s * 1000:.0f}")
    assert not open_wires
    assert spent_s <= MOST_OPEN_S
    assert others_s <= SLACK * MOST_OTHERS_S
    assert HEAD_S < MOST_OPEN_S


@pytest.mark.fault("H1", scales=True)
def test_a_head_without_end_is_refused(system):
    wire = Wire(system.ready["http"])
    wire.send(b"GET / HTTP/1.1\r\n")
    while not wire.has_answer and wire.sent < 4 * MOST_HEAD_BYTES:
        wire.send(b"X-A: " + b"a" * 1000 + b"\r\n")
        time.sleep(0.001)
    assert wire.status() == 431
    wire.close()


# --- H4 -------------------------------------------------------------------------------------------------------------


def _flood(socket):
    for _ in range(10_000):
        socket.send('{"op": "ping"}')


def _large(socket):
    socket.send("x" * (2 * 1024**2))


@cache
def make_bomb():
    """Return what unpacks to 256 MiB."""
    packing = zlib.compressobj(wbits=-15)
    return (packing.compress(bytes(256 * 1024**2)) + packing.flush(zlib.Z_SYNC_FLUSH))[:-4]


def _compressed(socket):
    # The gateway agrees to no compression, so that nothing is unpacked; a peer that sends some breaks the protocol.
    assert socket.protocol.extensions == []
    bomb = make_bomb()
    # Final, compressed, text; the length in eight bytes, and a mask of zeros that changes nothing.
    socket.socket.sendall(b"\xc1\xff" + len(bomb).to_bytes(8) + bytes(4) + bomb)


@pytest.mark.night
@pytest.mark.fault("H4")
@pytest.mark.parametrize("path", SOCKETS)
@pytest.mark.parametrize(("attack", "codes"), [(_flood, {1008, 4408}), (_large, {1009}), (_compressed, {1002, 1009})])
def test_a_socket_that_says_too_much_is_closed_at_once(system, authorization, path, attack, codes, figure):
    address = system.ready["http"].replace("http", "ws", 1) + path
    headers = {"Authorization": authorization}
    make_bomb()
    with Others(system, authorization) as others:
        time.sleep(0.2)
        with connect(address, additional_headers=headers, proxy=None, max_queue=None) as socket:
            started = time.monotonic()
            code = None
            try:
                attack(socket)
                while time.monotonic() - started < 10:
                    socket.recv(5)
            except websockets.ConnectionClosed as end:
                code = end.rcvd.code if end.rcvd else None
            except OSError:
                code = socket.close_code
            spent_s = time.monotonic() - started
        others_s = others.p99_s
    figure(f"closed after ({attack.__name__.strip('_')}), s", MOST_FLOOD_S, f"{spent_s:.2f}")
    figure("others p99 meanwhile, ms", 2 * MOST_OTHERS_S * 1000, f"{others_s * 1000:.0f}")
    assert code in codes
    assert spent_s <= SLACK * MOST_FLOOD_S
    assert others_s <= SLACK * MOST_OTHERS_S
