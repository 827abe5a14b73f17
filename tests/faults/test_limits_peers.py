"""R1, R2, R6, R7, R8: many clients, a flood, giant frames, strangers, no more handles: the manager goes on."""

from __future__ import annotations

import json
import random
import resource
import select
import socket
import time
from collections import Counter
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
import zmq

from tests.faults import flood
from tests.faults.askers import Asker, asking, connect, measure_status, p99
from tests.faults.tiers import SLACK
from tests.processes.lone import Manager
from tests.processes.waiting import Deadline, wait_until

SEED = 60615
MB = 1_000_000
MOST_STATUS_MS = 100


@pytest.fixture
def manager(directory):
    """A manager that serves, and that has not ended by the end of the test."""
    manager = Manager(directory / "data", forks=True)
    assert manager.wait_ready()
    yield manager
    assert manager.is_alive, manager.log_end()
    assert manager.requester.status()["manager_state"] == "idle"
    assert "Traceback" not in manager.log()
    assert manager.errors() == ""
    manager.kill()


class Memory:
    """The most memory that a process has used since a certain moment."""

    def __init__(self, pid: int) -> None:
        self._process = Path(f"/proc/{pid}")
        # 5 sets the highest mark back to what is used now.
        (self._process / "clear_refs").write_text("5")
        self._before = self._read()

    def _read(self) -> int:
        [line] = [line for line in (self._process / "status").read_text().splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) * 1024

    @property
    def growth_bytes(self) -> int:
        """How much the highest mark has risen."""
        return self._read() - self._before


def tcp_of(address: str) -> tuple[str, int]:
    """Return host and port of an address of ZeroMQ."""
    host, _, port = address.removeprefix("tcp://").rpartition(":")
    return host, int(port)


# --- many clients ---------------------------------------------------------------------------------------------------


class Crowd:
    """REQ clients, each with one request after the other."""

    def __init__(self, address: str, number: int, each: int) -> None:
        self._context = zmq.Context()
        self._context.set(zmq.MAX_SOCKETS, 2 * number)
        self._poller = zmq.Poller()
        self._left: dict[zmq.Socket[bytes], int] = {}
        self._begun: dict[zmq.Socket[bytes], float] = {}
        self.times: list[float] = []
        self.told: Counter[str] = Counter()
        for _ in range(number):
            client = self._context.socket(zmq.REQ)
            client.set(zmq.LINGER, 0)
            client.connect(address)
            client.send(b'{"method": "status"}')
            self._left[client] = each
        for client in self._left:
            assert client.poll(20_000)
            client.recv()
            self._poller.register(client, zmq.POLLIN)

    def run(self, request: bytes, seconds: float) -> None:
        """Let each of them send its requests, and note the replies."""
        for client in self._left:
            self._send(client, request)
        deadline = Deadline(seconds)
        while self._left:
            deadline.check("all replies")
            for client, _ in self._poller.poll(1000):
                self._take(client, request)

    def close(self) -> None:
        """Close all of them."""
        self._context.destroy(0)

    def _send(self, client: zmq.Socket[bytes], request: bytes) -> None:
        self._begun[client] = time.perf_counter()
        client.send(request)

    def _take(self, client: zmq.Socket[bytes], request: bytes) -> None:
        reply = json.loads(client.recv())
        self.times.append(time.perf_counter() - self._begun[client])
        self.told["done" if reply["success"] else reply["error"]["code"]] += 1
        self._left[client] -= 1
        if self._left[client]:
            self._send(client, request)
        else:
            self._poller.unregister(client)
            del self._left[client]


def check_crowd(manager, figure, number, each):
    crowd = Crowd(manager.ready["control"], number, each)
    crowd.run(flood.REQUEST, 100)
    crowd.close()
    reached = p99(crowd.times) / 1000
    figure(f"replies to {number:,} REQ clients", number * each, crowd.told["done"])
    figure("their p99, s", 1.0, f"{reached:.2f}")
    assert crowd.told == {"done": number * each}
    assert reached <= 1.0


def test_a_hundred_clients_get_every_reply(manager, figure):
    check_crowd(manager, figure, 100, 10)


@pytest.mark.night
@pytest.mark.fault("R1")
def test_a_thousand_clients_get_every_reply(manager, figure):
    check_crowd(manager, figure, 1_000, 10)


# --- a flood --------------------------------------------------------------------------------------------------------


def check_flood(manager, figure, seconds):
    control = manager.ready["control"]
    with asking(control) as asker:
        asker.must("status")
        process = flood.start("requests", control, 5_000, seconds)
        times = measure_status(asker, seconds)
        told = flood.finish(process, seconds + 40)
    reached = p99(times)
    figure(f"status p99 beside {told['made'] / seconds:.0f} requests/s, ms", MOST_STATUS_MS, f"{reached:.1f}")
    figure("requests of the flooder refused as busy", "> 0", told.get("busy", 0))
    assert told["made"] == 5_000 * seconds
    assert reached <= SLACK * MOST_STATUS_MS
    assert set(told) == {"made", "done", "busy"}
    assert told["done"] + told["busy"] == told["made"], "a request of the flooder was not answered"


def test_a_short_flood_disturbs_nobody_and_is_told_that_it_is_too_much(manager, figure):
    check_flood(manager, figure, 4)


@pytest.mark.night
@pytest.mark.fault("R2")
def test_a_flood_disturbs_nobody_and_is_told_that_it_is_too_much(manager, figure):
    check_flood(manager, figure, 30)


def test_without_room_for_requests_status_and_orders_are_answered_all_the_same(directory):
    """The store stands still, so that what has been taken waits, and nothing else is taken."""
    limits: dict[str, Any] = {"max_requests": 20, "max_requests_per_client": 10}
    manager = Manager(directory / "data", failpoints="store.before_commit=delay:3000@40", **limits)
    assert manager.wait_ready()
    with ExitStack() as stack:
        first, second, other = (stack.enter_context(asking(manager.ready["control"])) for _ in range(3))
        told = Counter()
        for _ in range(60):
            for asker in (first, second):
                asker.post("queue_mode_set", mode={"loop": False})
        begin = time.perf_counter()
        times = measure_status(other, 1.0)
        order = other.must("re_pause", option="immediate")
        seconds = time.perf_counter() - begin
        for asker in (first, second):
            for _ in range(60):
                reply = asker.receive()
                assert reply is not None, "a request was not answered"
                told["done" if reply["success"] else reply["error"]["code"]] += 1
                if not reply["success"]:
                    assert reply["error"]["details"]["retry_after_s"] > 0
    assert p99(times) <= SLACK * MOST_STATUS_MS
    assert seconds < 2.5 * SLACK
    # Nothing runs: what matters is that the order was looked at.
    assert order["error"]["code"] == "wrong_state"
    assert set(told) == {"done", "busy"}
    manager.kill()


# --- giant frames ---------------------------------------------------------------------------------------------------


@pytest.mark.fault("R6")
def test_a_giant_frame_costs_its_sender_the_connection_and_the_manager_no_memory(manager, figure):
    control = manager.ready["control"]
    with asking(control) as other, asking(control) as giant:
        other.must("status")
        giant.must("status")
        # What the first requests need for ever is not counted.
        measure_status(other, 0.3)
        memory = Memory(manager.process.pid)
        giant.socket.send(b"{" + bytes(64 * 1024 * 1024))
        times = measure_status(other, 1.5)
        giant.wait_until_cut(60)
        grown = memory.growth_bytes
    reached = p99(times)
    figure("memory after a frame of 64 MiB, MB", 16, f"{grown / MB:.1f}")
    figure("status p99 of others meanwhile, ms", MOST_STATUS_MS, f"{reached:.1f}")
    assert grown <= 16 * MB
    assert reached <= SLACK * MOST_STATUS_MS


def test_frames_of_the_largest_size_one_after_the_other_are_bounded_in_memory(manager, figure):
    """Each of them is allowed, and together they are more than may wait."""
    control = manager.ready["control"]
    frame = b'{"method": "status", "params": {"x": "' + b"x" * (8 * 1024 * 1024 - 100) + b'"}}'
    with asking(control) as other:
        measure_status(other, 0.3)
        memory = Memory(manager.process.pid)
        sockets = [connect(zmq.DEALER, control, SNDHWM=4) for _ in range(4)]
        sent, until = 0, time.monotonic() + 4
        while time.monotonic() < until:
            for one in sockets:
                if one.poll(0, zmq.POLLOUT):
                    one.send(frame, copy=False)
                    sent += 1
            assert other.must("status", 2)["manager_state"] == "idle"
        for one in sockets:
            one.close(0)
        grown = memory.growth_bytes
    figure(f"memory while {sent} frames of 8 MiB are sent, MB", 400, f"{grown / MB:.0f}")
    assert grown <= 400 * MB


# --- strangers ------------------------------------------------------------------------------------------------------

SILENT = 500
GARBAGE = 2_000
MOST_SILENT_S = 3.5


def make_garbage(chance: random.Random) -> bytes:
    """Return what a port scan, a browser, a TLS client or a broken client of ZeroMQ sends."""
    greeting = b"\xff" + bytes(8) + b"\x7f\x03\x00NULL" + bytes(48)
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + chance.randbytes(500)
    return chance.choice(
        [
            b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
            hello,
            b"\0",
            b"\r\n\r\n",
            chance.randbytes(chance.randrange(1, 300)),
            greeting[: chance.randrange(1, 64)],
            greeting + chance.randbytes(100),
            greeting + b"\x04\x19\x05READY\x0bSocket-Type\0\0\0\x06DEALER",
            greeting + b"\x06" + b"\xff" * 8 + b"x" * 100,
            b"\x01\x00",
        ]
    )


class Silence:
    """Connections on which nothing is said, and when they are closed by the other end."""

    def __init__(self, target: tuple[str, int], number: int) -> None:
        self.open: dict[int, tuple[socket.socket, float]] = {}
        self.slowest_s = 0.0
        self._poller = select.poll()
        for _ in range(number):
            stranger = socket.create_connection(target)
            self.open[stranger.fileno()] = (stranger, time.monotonic())
            self._poller.register(stranger, select.POLLIN)

    def wait(self, seconds: float) -> None:
        """Wait until all of them are closed."""
        until = time.monotonic() + seconds
        while self.open and time.monotonic() < until:
            for handle, _ in self._poller.poll(100):
                self._look(handle)

    def close(self) -> None:
        """Close what is left."""
        for stranger, _ in self.open.values():
            stranger.close()

    def _look(self, handle: int) -> None:
        stranger, since = self.open[handle]
        # What was sent to it is the greeting of ZeroMQ.
        with suppress(ConnectionResetError):
            if stranger.recv(4096):
                return
        self.slowest_s = max(self.slowest_s, time.monotonic() - since)
        self._poller.unregister(handle)
        stranger.close()
        del self.open[handle]


@pytest.mark.fault("R7")
def test_silent_connections_are_closed_and_garbage_harms_nobody(manager, figure):
    chance, target = random.Random(SEED), tcp_of(manager.ready["control"])
    lines, begin = len(manager.log().splitlines()), time.monotonic()
    with ExitStack() as stack, asking(manager.ready["control"]) as asker:
        silence = Silence(target, SILENT)
        stack.callback(silence.close)
        for number in range(GARBAGE):
            stranger = socket.create_connection(target)
            stranger.send(make_garbage(chance))
            if number % 2:
                # The others stay for a while, and find out that nobody listens to them.
                stranger.close()
            else:
                stack.enter_context(stranger)
            if number % 100 == 0:
                assert asker.must("status")["manager_state"] == "idle"
        silence.wait(20)
        assert asker.must("status")["manager_state"] == "idle"
    rate = (len(manager.log().splitlines()) - lines) / (time.monotonic() - begin)
    left = f"{len(silence.open)} of {SILENT} left"
    figure("silent connections closed after, s", MOST_SILENT_S, f"{silence.slowest_s:.2f} ({left})")
    figure("log lines per second, and crashes", "1, 0", f"{rate:.2f}, {0 if manager.is_alive else 1}")
    assert silence.open == {}
    # The figure is for a machine that does nothing else; here other tests run beside it.
    assert silence.slowest_s <= 3 * MOST_SILENT_S
    assert rate <= 1


# --- no more handles ------------------------------------------------------------------------------------------------

HANDLES = 120


@pytest.mark.night
@pytest.mark.fault("R8")
def test_without_handles_new_peers_wait_and_old_ones_are_served(directory, figure):
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (HANDLES, HANDLES))

    manager = Manager(directory / "data", prepare=limit)
    assert manager.wait_ready(), manager.log_end()
    with asking(manager.ready["control"]) as old:
        old.must("status")
        crowd = [Asker(manager.ready["control"]) for _ in range(2 * HANDLES)]
        for asker in crowd:
            asker.post("status")
        time.sleep(1.0)
        answered = [asker for asker in crowd if asker.receive(0) is not None]
        times = measure_status(old, 3)
        for number in range(20):
            assert old.must("queue_mode_set", mode={"loop": bool(number % 2)})["success"]
        figure("new peers answered without handles", f"< {HANDLES}", len(answered))
        figure("status p99 of an old one meanwhile, ms", MOST_STATUS_MS, f"{p99(times):.1f}")
        assert 0 < len(answered) < HANDLES
        assert manager.is_alive
        assert p99(times) <= SLACK * MOST_STATUS_MS
        refused = [asker for asker in crowd if asker not in answered]
        for asker in answered:
            asker.close()
        wait_until(lambda: any(asker.receive(0) for asker in refused), "an answer to a peer that had to wait")
        for asker in refused:
            asker.close()
    assert "Traceback" not in manager.log()
    manager.kill()
