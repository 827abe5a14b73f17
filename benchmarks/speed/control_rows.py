"""Rows of the control socket: single changes, many clients, and the status."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial

from benchmarks.client import ADD, COUNT, STATUS, USER, Client, encode, measure_crowd
from benchmarks.speed.limits import COMMIT, ECHO, committing, echoing, running_echo
from benchmarks.speed.row import OURS, PEER, AtLeast, AtMost, Row, Side, Stage, Take, Times
from benchmarks.speed.sides import running
from benchmarks.systems import System

REQUESTS = 300
CROWD = 64
CROWD_S = 1.0
FILL_EACH = 5_000
ADDED = b'{"success":true,"msg":"","item":' + encode("x", item=COUNT, **USER) + b',"qsize":100}'


def fill_queue(client: Client, items: int) -> None:
    """Let the queue hold so many plans, and nothing else."""
    client.ask("queue_clear")
    while items > 0:
        part = min(items, FILL_EACH)
        client.ask("queue_item_add_batch", items=[COUNT] * part, **USER)
        items -= part


def rate_of(client: Client, request: bytes, requests: int = REQUESTS) -> float:
    """Return how many answers per second a client gets that asks again as soon as it has one."""
    return 1 / statistics.fmean(client.time(request) for _ in range(requests))


@contextmanager
def _asking(
    kind: str, measure: Callable[[System], float], stage: Stage, size: int, *, is_refilled: bool = True
) -> Generator[Take]:
    """Give what measures a system whose queue holds ``size`` plans before each round."""
    with running(kind, stage) as system:
        fill_queue(system.client, size)
        measure(system)

        def take() -> float:
            if is_refilled:
                fill_queue(system.client, size)
            return measure(system)

        yield take


def _both(measure: Callable[[System], float], *, is_refilled: bool = True) -> dict[str, Side]:
    return {kind: partial(_asking, kind, measure, is_refilled=is_refilled) for kind in (OURS, PEER)}


@contextmanager
def _echo_one(reply: bytes, request: bytes, stage: Stage, size: int) -> Generator[Take]:
    del stage, size
    with echoing(reply) as client:
        yield lambda: rate_of(client, request, 1000)


@contextmanager
def _echo_crowd(reply: bytes, request: bytes, stage: Stage, size: int) -> Generator[Take]:
    del stage, size
    with running_echo(reply) as address:
        yield lambda: measure_crowd(address, request, CROWD, CROWD_S).per_second


@contextmanager
def _echo_status(side: Callable[..., object], stage: Stage, size: int) -> Generator[Take]:
    """Echo what our own status is."""
    with running(OURS, stage) as system:
        reply = system.client.ask_raw(STATUS)
    with side(reply, STATUS, stage, size) as take:  # pyright: ignore[reportGeneralTypeIssues]
        yield take


def _add_one(system: System) -> float:
    return rate_of(system.client, ADD)


def _add_crowd(system: System) -> float:
    return measure_crowd(system.control, ADD, CROWD, CROWD_S).per_second


def _add_crowd_p99(system: System) -> float:
    return measure_crowd(system.control, ADD, CROWD, CROWD_S).p99_ms


def _status_one(system: System) -> float:
    return rate_of(system.client, STATUS, 1000)


def _status_crowd(system: System) -> float:
    return measure_crowd(system.control, STATUS, CROWD, CROWD_S).per_second


GROWTH = (0, 1_000, 10_000, 90_000)

ROWS = (
    Row(
        "add",
        "queue_item_add, one client",
        "/s",
        {**_both(_add_one), ECHO: partial(_echo_one, ADDED, ADD), COMMIT: committing},
        (Times(6),),
        sizes=GROWTH,
        is_rate=True,
        size_title="items in the queue",
        most_growth=1.5,
    ),
    Row(
        "add-64",
        "queue_item_add, 64 clients",
        "/s",
        {**_both(_add_crowd), ECHO: partial(_echo_crowd, ADDED, ADD)},
        (AtLeast(6_000),),
        sizes=GROWTH,
        is_rate=True,
        size_title="items in the queue",
        most_growth=1.5,
    ),
    Row("add-64-p99", "queue_item_add, 64 clients, p99", "ms", _both(_add_crowd_p99), (AtMost(100),)),
    Row(
        "status",
        "status, one client",
        "/s",
        {**_both(_status_one, is_refilled=False), ECHO: partial(_echo_status, _echo_one)},
        (Times(0.75, ECHO),),
        sizes=(0, 1_000, 10_000, 100_000),
        is_rate=True,
        size_title="items in the queue",
        most_growth=1.15,
    ),
    Row(
        "status-64",
        "status, 64 clients",
        "/s",
        {**_both(_status_crowd, is_refilled=False), ECHO: partial(_echo_status, _echo_crowd)},
        (Times(0.75, ECHO),),
        sizes=(0, 1_000, 10_000, 100_000),
        is_rate=True,
        size_title="items in the queue",
        most_growth=1.15,
    ),
)
