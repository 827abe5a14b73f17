"""Rows of long lists: many items at once, the queue, the history, and moving inside of a long queue."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.client import COUNT, USER, Client, encode
from benchmarks.processes import clean_environment
from benchmarks.speed.control_rows import fill_queue
from benchmarks.speed.limits import ECHO, echoing
from benchmarks.speed.row import OURS, PEER, AtMost, Row, Side, Stage, Take, Times
from benchmarks.speed.sides import running
from benchmarks.systems import System, running_queueserver
from queue_server.access.catalog import Catalog
from queue_server.access.policy import Policy
from queue_server.access.validate import validate_item
from queue_server.clock import Chance, SystemClock
from queue_server.protocol.items import Item, Place, Result
from queue_server.storage.base import Claim, Transaction
from queue_server.storage.sqlite import open_sqlite

FEW = 20
ANNOTATED: dict[str, Any] = {
    "item_type": "plan",
    "name": "move_then_count",
    "args": [["motor1", "motor2"]],
    "kwargs": {"detectors": ["det1", "det2"], "positions": [1.0, 2.0]},
    **USER,
}
MOVES = 400
PAGE = 100
WRITTEN_AT_ONCE = 1_000


# --- the queue ------------------------------------------------------------------------------------------------------


@contextmanager
def _filled(kind: str, make_take: Callable[[System, int], Take], stage: Stage, size: int) -> Generator[Take]:
    with running(kind, stage) as system:
        fill_queue(system.client, size)
        yield make_take(system, size)


def _time_batch(system: System, size: int) -> Take:
    request = encode("queue_item_add_batch", items=[COUNT] * size, **USER)

    def take() -> float:
        system.client.ask("queue_clear")
        return system.client.time(request) * 1000

    return take


def _time_queue(system: System, size: int) -> Take:
    del size
    request = encode("queue_get")
    return lambda: _median_ms(system.client, [request] * FEW)


def _time_pages(system: System, size: int) -> Take:
    uids = [item["item_uid"] for item in system.client.ask("queue_get")["items"]]
    assert len(uids) == size
    depths = range(0, size - PAGE, max(1, (size - PAGE) // MOVES))
    requests = [encode("queue_get", limit=PAGE, after_uid=uids[depth]) for depth in depths]
    # The worst depth counts, not the middle of all.
    return lambda: max(_median_ms(system.client, requests[part::10]) for part in range(10))


def _time_moves(system: System, size: int) -> Take:
    uids = [item["item_uid"] for item in system.client.ask("queue_get")["items"]]
    chance = random.Random(size)

    def take() -> float:
        times: list[float] = []
        for _ in range(MOVES):
            one, other = chance.sample(uids, 2)
            times.append(system.client.time(encode("queue_item_move", uid=one, before_uid=other)))
        return sorted(times)[int(0.99 * (MOVES - 1))] * 1000

    return take


@contextmanager
def _echo_reply(request: Mapping[str, Any], stage: Stage, size: int) -> Generator[Take]:
    """Echo what our own reply is."""
    with running(OURS, stage) as system:
        fill_queue(system.client, size)
        reply = system.client.ask_raw(encode(**request))
    with echoing(reply) as client:
        yield lambda: _median_ms(client, [b"{}"] * FEW)


def _median_ms(client: Client, requests: list[bytes]) -> float:
    # What is no JSON would be quick.
    json.loads(client.ask_raw(requests[0]))
    times = sorted(client.time(request) for request in requests)
    return times[len(times) // 2] * 1000


# --- validation -----------------------------------------------------------------------------------------------------


@contextmanager
def _validating(stage: Stage, size: int) -> Generator[Take]:
    """Check plans with annotated parameters as a request does, the first time with descriptions just received."""
    with running(OURS, stage) as system:
        told = (
            system.client.ask("plans_existing")["plans_existing"],
            system.client.ask("devices_existing")["devices_existing"],
        )

    def take() -> float:
        catalog = Catalog.build(*told, Policy.default())
        catalog.for_group("primary").compile_plan(ANNOTATED["name"])
        began = time.perf_counter()
        for _ in range(size):
            validate_item(ANNOTATED, catalog, "primary")
        return (time.perf_counter() - began) * 1000

    yield take


@contextmanager
def _validating_peer(stage: Stage, size: int) -> Generator[Take]:
    with running(PEER, stage) as system:
        group = {"user_group": "primary"}
        told = {
            "plans": system.client.ask("plans_allowed", **group)["plans_allowed"],
            "devices": system.client.ask("devices_allowed", **group)["devices_allowed"],
        }
    program = (
        "import json, sys, time\n"
        "from bluesky_queueserver import validate_plan\n"
        "told = json.load(sys.stdin)\n"
        "began = time.perf_counter()\n"
        "for _ in range(told['size']):\n"
        "    ok, why = validate_plan(told['plan'], allowed_plans=told['plans'], allowed_devices=told['devices'])\n"
        "    assert ok, why\n"
        "print((time.perf_counter() - began) * 1000)\n"
    )
    assert stage.peer is not None
    command, given = [str(stage.peer), "-c", program], json.dumps({**told, "size": size, "plan": ANNOTATED})
    environment = clean_environment()
    yield lambda: float(
        subprocess.run(command, input=given, text=True, check=True, capture_output=True, env=environment).stdout
    )


# --- the history ----------------------------------------------------------------------------------------------------


@contextmanager
def _with_history(request: bytes, few: int, stage: Stage, size: int) -> Generator[Take]:
    """Give what asks our system, whose history holds so many plans."""
    (stage.directory / "data").mkdir(parents=True, mode=0o700)
    asyncio.run(_write_history(stage.directory / "data", size))
    with running(OURS, stage) as system:
        assert system.client.ask("status")["items_in_history"] == size
        yield lambda: _median_ms(system.client, [request] * few)


@contextmanager
def _with_history_of_peer(request: bytes, few: int, stage: Stage, size: int) -> Generator[Take]:
    assert stage.peer is not None
    with running_queueserver(stage.directory, stage.peer) as system:
        _push_history(stage.peer, system.store_port, size)
        assert len(system.client.ask("history_get")["items"]) == size
        yield lambda: _median_ms(system.client, [request] * few)


async def _write_history(data: Path, size: int) -> None:
    store = open_sqlite(data, clock=SystemClock(), chance=Chance())
    try:
        for first in range(0, size, WRITTEN_AT_ONCE):
            numbers = range(first, min(first + WRITTEN_AT_ONCE, size))
            await store.transact(partial(_finish, numbers))
    finally:
        await store.close()


def _finish(numbers: range, tx: Transaction) -> None:
    for number in numbers:
        uid = f"{number:08d}-0000-4000-8000-000000000000"
        item = Item(uid, "default", uid, {**COUNT, "user": "benchmark", "user_group": "primary"})
        tx.insert([item], Place("back"))
        claim = tx.claim_next("default", 1, float(number))
        assert isinstance(claim, Claim)
        tx.finish(claim.attempt, Result("completed", float(number), number + 1.0, (uid,), (number,)))


def _push_history(peer: Path, store_port: int, size: int) -> None:
    """Put entries of its own form into the store of the peer, which reads them at each request."""
    result = {"exit_status": "completed", "run_uids": ["u"], "scan_ids": [1], "time_start": 1.0, "time_stop": 2.0}
    entry = {**COUNT, **USER, "result": {**result, "msg": "", "traceback": ""}}
    program = (
        "import json, sys, redis\n"
        "told = json.load(sys.stdin)\n"
        "server = redis.Redis(port=told['port'])\n"
        "entries = [json.dumps({**told['entry'], 'item_uid': f'{n:036d}'}) for n in range(told['size'])]\n"
        "server.rpush('qs_default_plan_history', *entries)\n"
    )
    told = json.dumps({"port": store_port, "entry": entry, "size": size})
    command = [str(peer), "-c", program]
    subprocess.run(command, input=told, text=True, check=True, env=clean_environment())


def _sides(make_take: Callable[[System, int], Take], *kinds: str) -> dict[str, Side]:
    return {kind: partial(_filled, kind, make_take) for kind in kinds}


FIRST_PAGE, WHOLE = encode("history_get", limit=PAGE), encode("history_get")

ROWS = (
    Row(
        "batch",
        "queue_item_add_batch of 5,000 plans",
        "ms",
        _sides(_time_batch, OURS, PEER),
        (AtMost(150), Times(50)),
        sizes=(5_000, 500, 50_000),
        size_title="plans in one request",
        most_growth=10.0 * 1.5,
    ),
    Row(
        "queue",
        "queue_get with 5,000 items",
        "ms",
        {**_sides(_time_queue, OURS, PEER), ECHO: partial(_echo_reply, {"method": "queue_get"})},
        (AtMost(10),),
        sizes=(5_000, 500, 50_000),
        size_title="items in the queue",
        most_growth=10.0 * 1.5,
    ),
    Row(
        "page",
        "a page of 100 items at any depth",
        "ms",
        {
            **_sides(_time_pages, OURS),
            ECHO: partial(_echo_reply, {"method": "queue_get", "limit": PAGE}),
        },
        (AtMost(1),),
        sizes=(5_000, 1_000, 10_000, 100_000),
        size_title="items in the queue",
        most_growth=1.5,
    ),
    Row(
        "history-page",
        "history_get: the newest 100 of 50,000",
        "ms",
        {OURS: partial(_with_history, FIRST_PAGE, FEW)},
        (AtMost(2),),
        sizes=(50_000, 5_000, 500_000),
        size_title="entries",
        most_growth=1.5,
    ),
    Row(
        "history",
        "history_get: all 50,000 entries",
        "ms",
        {OURS: partial(_with_history, WHOLE, 3), PEER: partial(_with_history_of_peer, WHOLE, 3)},
        (Times(10),),
        sizes=(50_000, 5_000),
        size_title="entries",
    ),
    Row(
        "move",
        "queue_item_move at 100,000 items, p99",
        "ms",
        _sides(_time_moves, OURS),
        (AtMost(5),),
        sizes=(100_000, 1_000, 10_000),
        size_title="items in the queue",
    ),
    Row(
        "validation",
        "validation of 100 annotated plans",
        "ms",
        {OURS: _validating, PEER: _validating_peer},
        (AtMost(25),),
        sizes=(100, 1_000),
        size_title="plans",
        most_growth=15.0,
    ),
)
