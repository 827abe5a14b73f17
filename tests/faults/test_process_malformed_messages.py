"""Z1: thousands of malformed messages, on the control socket and on the worker link, disturb nobody.

The messages come from a seed, so that a failure can be repeated.
"""

from __future__ import annotations

import json
import random
import string

import msgpack
import pytest
import zmq

from queue_server.protocol.items import AttemptKey
from queue_server.protocol.methods import METHODS
from queue_server.protocol.worker_link import Heartbeat, Hello, ItemFinished, RunOpened, pack
from queue_server.workers.sockets import link_address
from tests.faults.tiers import rounds
from tests.processes.waiting import Deadline, resident_bytes

SEED = 61615
MESSAGES = rounds(10_000, 100_000)
LINK_MESSAGES = rounds(4_000, 40_000)
MOST_GROWTH_BYTES = 16 * 1024 * 1024
# What these do, should one of them happen to be right, would be in the way of the check at the end.
LASTING = ("manager_", "environment_", "lock", "unlock", "permissions_", "queue_autostart", "estop")
# As many as the manager takes from one peer at a time.
AT_ONCE = 60


class Garbage:
    """Makes messages that are nearly right, or not at all."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)

    def blob(self, most: int = 300) -> bytes:
        return self.chance.randbytes(self.chance.randrange(most))

    def word(self) -> str:
        letters = string.ascii_letters + '"\\\0\n\t{}[]é€😀\u202e'
        return "".join(self.chance.choices(letters, k=self.chance.randrange(20)))

    def value(self, depth: int = 0):
        simple = [None, True, -1, 2**63, 2**70, 1e308, -0.0, "", self.word(), "x" * 5000, [], {}]
        if depth > 3 or self.chance.random() < 0.6:
            return self.chance.choice(simple)
        if self.chance.random() < 0.5:
            return [self.value(depth + 1) for _ in range(self.chance.randrange(4))]
        return {self.word(): self.value(depth + 1) for _ in range(self.chance.randrange(4))}

    def cut(self, frame: bytes) -> bytes:
        """Lose the end, change a byte, or add something."""
        at = self.chance.randrange(len(frame) + 1)
        kind = self.chance.randrange(3)
        if kind == 0:
            return frame[:at]
        if kind == 1 and frame:
            at %= len(frame)
            return frame[:at] + bytes([self.chance.randrange(256)]) + frame[at + 1 :]
        return frame[:at] + self.blob(10) + frame[at:]

    def pack(self, message: object) -> bytes:
        """Encode in JSON or msgpack, whichever can."""
        if self.chance.random() < 0.5:
            try:
                return msgpack.packb(message) or b""
            except OverflowError:
                pass
        return json.dumps(message).encode()

    def nested(self) -> bytes:
        depth = self.chance.choice([33, 500, 20_000])
        return self.chance.choice([b'{"a":' * depth, b"[" * depth, b"\x81\xa1a" * depth, b"\x91" * depth])

    def claim(self) -> bytes:
        """Announce more than there is: a map, an array, a string or bytes of 2**32 - 1."""
        return self.chance.choice([b"\xdf", b"\x81\xa6params\xdd", b"\x81\xa1a\xdb", b"\x81\xa1a\xc6"]) + b"\xff" * 4

    def request(self) -> bytes:
        """Name a method that exists, or nearly so, with parameters of any kind; never one with a lasting effect."""
        names = [name for name in METHODS if not name.startswith(LASTING)]
        name = self.chance.choice([self.chance.choice(names), self.word(), self.value()])
        fields = list(METHODS[name].params.model_fields) if isinstance(name, str) and name in METHODS else []
        params = {self.chance.choice([*fields, self.word()]): self.value() for _ in range(self.chance.randrange(4))}
        message = {"method": name, "params": self.chance.choice([params, self.value()])}
        if self.chance.random() < 0.3:
            message[self.chance.choice(["id", "idempotency_key", "origin", self.word()])] = self.value()
        return self.pack(message)

    def control_frame(self) -> bytes:
        kinds = [self.blob, self.nested, self.claim, self.request, self.request, lambda: self.cut(self.request())]
        kinds += [lambda: self.pack(self.value()), lambda: b""]
        return self.chance.choice(kinds)()

    def message(self, frame) -> list[bytes]:
        """Mostly one frame, and sometimes up to six."""
        number = self.chance.choice([1, 1, 1, 1, 2, 3, 4, 5, 6])
        return [frame() for _ in range(number)]


@pytest.fixture
def manager(rig):
    """A manager that serves."""
    return rig.recover()


def exchange(address, messages):
    """Send messages from one peer and return the replies; every message must get one."""
    replies = []
    with zmq.Context.instance().socket(zmq.DEALER) as socket:
        socket.set(zmq.LINGER, 0)
        socket.connect(address)
        for message in messages:
            socket.send_multipart(message)
        deadline = Deadline(10)
        while len(replies) < len(messages) and socket.poll(int(deadline.left_s * 1000)):
            last = socket.recv_multipart()[-1]
            replies.append(json.loads(last) if last[:1] == b"{" else msgpack.unpackb(last))
    return replies


def check_that_it_works(manager, figure, before, what):
    """The same process answers, a plan can run, and the memory has not grown."""
    ask = manager.requester
    assert manager.is_alive
    assert ask.status()["worker_environment_state"] == "idle"
    ask.do("queue_clear")
    ask.do("queue_mode_set", mode="default")
    uid = ask.add("quick")
    ask.do("queue_start")
    ask.wait_for_state("idle")
    assert [item["item_uid"] for item in ask.history()][-1] == uid
    grown = resident_bytes(manager.process.pid) - before
    figure(f"growth of the memory after {what}, MB", 16, f"{grown / 1e6:.1f}")
    assert grown <= MOST_GROWTH_BYTES


@pytest.mark.timeout(rounds(120, 1200))
@pytest.mark.fault("Z1", scales=True)
def test_malformed_requests_are_refused_one_by_one(manager, figure):
    garbage = Garbage(SEED)
    manager.requester.open()
    control = manager.ready["control"]
    exchange(control, [garbage.message(garbage.control_frame) for _ in range(AT_ONCE)])
    before = resident_bytes(manager.process.pid)
    for start in range(0, MESSAGES, AT_ONCE):
        messages = [garbage.message(garbage.control_frame) for _ in range(AT_ONCE)]
        replies = exchange(control, messages)
        assert len(replies) == AT_ONCE, f"seed {SEED}, from {start}"
        codes = {reply["error"]["code"] for reply in replies if "error" in reply}
        assert "internal" not in codes, f"seed {SEED}, from {start}\n{manager.log_end()}"
    assert "Traceback" not in manager.log()
    figure("malformed requests, and crashes", f"{MESSAGES}, 0", f"{MESSAGES}, {0 if manager.is_alive else 1}")
    check_that_it_works(manager, figure, before, f"{MESSAGES} malformed requests")


def test_a_request_in_several_frames_is_refused_although_one_of_them_is_right(manager):
    right = json.dumps({"method": "queue_mode_set", "params": {"mode": {"loop": True}}}).encode()
    for number in range(2, 7):
        messages = [[b"x"] * place + [right] + [b"x"] * (number - place - 1) for place in range(number)]
        replies = exchange(manager.ready["control"], messages)
        assert [reply["success"] for reply in replies] == [False] * number
        assert {reply["error"]["code"] for reply in replies} == {"bad_request"}
    assert manager.requester.status()["plan_queue_mode"]["loop"] is False


def link_frames(garbage, incarnation):
    """Return what makes frames for the worker link: noise, truncated messages, and messages of unknown workers."""
    key = AttemptKey("item", "item", "default", 1, 1)

    def hello():
        lane = garbage.chance.choice(["default", "nowhere", garbage.word()])
        known = garbage.chance.choice([garbage.word(), "somebody"])
        version = garbage.chance.choice([1, 2, -1])
        return pack(Hello(version=version, lane=lane, incarnation=known, pid=1, environment="loading", next_report=1))

    def report():
        number = garbage.chance.randrange(5)
        return pack(
            garbage.chance.choice(
                [
                    RunOpened(number=number, attempt=key, run_uid=garbage.word() or "run"),
                    ItemFinished(number=number, attempt=key, outcome="failed", time_start=0.0, time_stop=0.0),
                    Heartbeat(main_thread_age_s=1e9),
                ]
            )
        )

    def kind():
        name = garbage.chance.choice(["hello", "console", "progress", "catalog_page", "item_finished", garbage.word()])
        return garbage.pack({"kind": name, garbage.word(): garbage.value(), "number": garbage.value()})

    assert incarnation != "somebody"
    cut = [lambda: garbage.cut(hello()), lambda: garbage.cut(report())]
    return [garbage.blob, garbage.nested, garbage.claim, hello, report, kind, *cut]


@pytest.mark.timeout(rounds(120, 1200))
@pytest.mark.fault("Z1", scales=True)
def test_malformed_messages_on_the_worker_link_change_nothing(manager, rig, figure):
    garbage = Garbage(SEED)
    ask = manager.requester
    status = ask.open()
    kinds = link_frames(garbage, status["lanes"][0]["worker"])
    before = resident_bytes(manager.process.pid)
    for _ in range(LINK_MESSAGES // 100):
        with zmq.Context.instance().socket(zmq.DEALER) as socket:
            socket.set(zmq.LINGER, 5_000)
            socket.connect(link_address(rig.data))
            for _ in range(100):
                socket.send_multipart(garbage.message(lambda: garbage.chance.choice(kinds)()))
        # The reply shows that the manager has not fallen behind, so that nothing is dropped for want of room.
        now = ask.status()
        assert now["lanes"][0]["worker"] == status["lanes"][0]["worker"]
        assert now["worker_environment_state"] == "idle"
    figure("malformed messages on the worker link", LINK_MESSAGES, LINK_MESSAGES)
    check_that_it_works(manager, figure, before, f"{LINK_MESSAGES} malformed messages on the worker link")


def test_a_port_scan_and_a_browser_on_the_control_port_disturb_nobody(manager):
    import socket as sockets

    host, port = manager.ready["control"].removeprefix("tcp://").split(":")
    garbage = Garbage(SEED)
    for number in range(50):
        with sockets.create_connection((host, int(port)), timeout=5) as connection:
            connection.sendall(
                [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00", garbage.blob(), b""][number % 4]
            )
    assert manager.requester.status()["manager_state"] == "idle"
