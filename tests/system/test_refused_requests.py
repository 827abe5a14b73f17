"""Ten thousand requests that fit no declaration: each is refused by the name of its field, and nothing stays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from typing import Any

import msgpack
import orjson
import pytest
import zmq

from queue_server.protocol.methods import METHODS
from tests.processes.waiting import resident_bytes
from tests.processes.wrong_requests import WrongRequest, wrong_requests

REQUESTS = 10_000
# Encodings, caches and the arenas of the allocator have found their size by then.
WARM_UP = 3_000
WINDOW = 32
MOST_GROWTH_BYTES = 2 * 1024 * 1024
WRONG = [wrong for method in METHODS.values() for wrong in wrong_requests(method)]


@pytest.fixture
def dealer(system):
    """A socket that does not wait for one reply before it sends the next request."""
    socket = zmq.Context.instance().socket(zmq.DEALER)
    socket.set(zmq.LINGER, 0)
    socket.connect(system.ready["control"])
    yield socket
    socket.close()


def pack(message: dict[str, Any], number: int) -> bytes:
    """Return a message in one encoding or the other."""
    return orjson.dumps(message) if number % 2 else bytes(msgpack.packb(message) or b"")


def read(frame: bytes) -> dict[str, Any]:
    return orjson.loads(frame) if frame.startswith(b"{") else msgpack.unpackb(frame)


def exchange(
    dealer: zmq.Socket[bytes], requests: Sequence[WrongRequest]
) -> Iterator[tuple[WrongRequest, dict[str, Any]]]:
    """Send all requests, a few at a time, and yield each with its reply."""
    waiting = 0
    for number, wrong in enumerate(requests):
        dealer.send(pack({"method": wrong.method, "params": wrong.params, "id": number}, number))
        waiting += 1
        if waiting == WINDOW or number == len(requests) - 1:
            for _ in range(waiting):
                assert dealer.poll(60_000), "no reply within 60 s"
                reply = read(dealer.recv())
                yield requests[reply["id"]], reply
            waiting = 0


def find_fault(wrong: WrongRequest, reply: dict[str, Any]) -> str:
    """Return what is not as promised in the reply to a wrong request."""
    if reply["success"] is not False:
        return "it was not refused"
    if f"'{wrong.field}'" not in reply["msg"]:
        return f"the message does not name {wrong.field!r}: {reply['msg']!r}"
    return "" if reply["error"]["code"] else "there is no code"


def test_there_is_something_wrong_to_ask_of_every_method():
    assert {wrong.method for wrong in WRONG} == METHODS.keys()
    fields = {(wrong.method, wrong.field) for wrong in WRONG}
    assert len(fields) > 2 * len(METHODS)


def test_ten_thousand_wrong_requests_are_refused_by_name_and_leave_nothing_behind(system, dealer, figure):
    for _ in exchange(dealer, list(islice(cycle(WRONG), WARM_UP))):
        pass
    before, status = resident_bytes(system.manager_pid), system.requester.status()
    requests = list(islice(cycle(WRONG), REQUESTS))
    assert len(requests) > len(WRONG)
    faults = [(wrong, fault) for wrong, reply in exchange(dealer, requests) if (fault := find_fault(wrong, reply))]
    grown = resident_bytes(system.manager_pid) - before
    figure("growth of the manager in kB", f"at most {MOST_GROWTH_BYTES // 1024}", grown // 1024)
    assert not faults, f"{len(faults)} faults, such as {faults[:5]}"
    assert system.requester.status() == status, "a refused request has changed something"
    assert grown < MOST_GROWTH_BYTES
