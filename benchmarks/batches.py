"""Batches over HTTP: how long a large one takes from the request to the answer, and a page out of very many items.

    python -m benchmarks.batches [--rounds 5] [--items 10000] [--known 1000000] [--json]

A whole system runs with the simulated profile. For the pages it gets a data directory with so many items of finished
batches, which takes a minute to make; ``--known 0`` leaves that out.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.http_load import ask, connections
from benchmarks.systems import ANY_HTTP_PORT, running_cuelight
from queue_server.clock import Chance, SystemClock
from queue_server.protocol.batches import Batch, item_ids, submission_uids
from queue_server.protocol.submissions import AttemptResult, Submission
from queue_server.storage.base import Transaction
from queue_server.storage.sqlite import open_sqlite

MOST_CREATION_S, MOST_PAGE_MS = 1.0, 5.0
BATCH_ITEMS = 10_000
PAGE_ITEMS, PAGES = 100, 300


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="how many batches are created (default: %(default)s)")
    parser.add_argument("--items", type=int, default=BATCH_ITEMS, help="items in each (default: %(default)s)")
    parser.add_argument("--known", type=int, default=1_000_000, help="items among which pages are read")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cuelight-benchmark-") as name:
        result: dict[str, Any] = {"creation": measure_creation(Path(name) / "new", options.rounds, options.items)}
        if options.known:
            batches = asyncio.run(fill(Path(name) / "full" / "data", options.known))
            result["pages"] = measure_pages(Path(name) / "full", batches)
    sys.stdout.write((json.dumps(result, indent=2) if options.json else show(result)) + "\n")


def measure_creation(directory: Path, rounds: int, size: int) -> dict[str, Any]:
    """Return how long requests take that create a batch of so many plans, each with arguments of its own."""
    with running_cuelight(directory, http=ANY_HTTP_PORT) as system:
        # A batch is checked against the plans of the worker.
        system.open_environment()
        site = system.site

        async def create() -> tuple[list[float], int]:
            taken: list[float] = []
            length = 0
            for number in range(rounds):
                await ask(site, "POST", "/api/queue/clear")
                items = [_entry(index) for index in range(size)]
                body = json.dumps({"name": f"round {number}", "items": items}).encode()
                length = len(body)
                began = time.perf_counter()
                reply = await ask(site, "POST", "/v1/batches", body)
                taken.append(time.perf_counter() - began)
                if len(reply["items"]) != size:
                    raise SystemExit(f"The batch was not created: {reply}")
            return taken, length

        taken, length = asyncio.run(create())
    return {
        "items": size,
        "request_mb": round(length / 1e6, 2),
        "median_s": round(statistics.median(taken), 3),
        "best_s": round(min(taken), 3),
        "most_s": MOST_CREATION_S,
    }


def _entry(index: int) -> dict[str, Any]:
    item = {"item_type": "plan", "name": "count", "args": [["det1"]], "kwargs": {"num": 1 + index % 100}}
    return {"item": item, "reference": f"point {index}"}


async def fill(data: Path, known: int) -> list[str]:
    """Write batches that have ended into a new data directory; return their ids."""
    store = open_sqlite(data, clock=SystemClock(), chance=Chance())
    identities = [Chance().identifier() for _ in range(0, known, BATCH_ITEMS)]
    try:
        for identity in identities:
            await store.transact(lambda tx, identity=identity: _write_batch(tx, identity))
    finally:
        await store.close()
    return identities


def _write_batch(tx: Transaction, identity: str) -> None:
    tx.add_batch(Batch(identity, "filled", "", "nobody", "", "default", BATCH_ITEMS, 1.0))
    uids, items = submission_uids(identity, BATCH_ITEMS), item_ids(identity, BATCH_ITEMS)
    tx.add_submissions(
        [
            Submission(
                uid,
                "default",
                "nobody",
                1.0,
                batch=identity,
                ordinal=ordinal,
                identity=item,
                reference=f"point {ordinal}",
                content={"arguments": {"num": ordinal}},
            )
            for ordinal, (uid, item) in enumerate(zip(uids, items, strict=True))
        ]
    )
    for uid in uids:
        tx.add_result(AttemptResult(uid, 1, uid, "completed", 1.0, 2.0, metrics={"max": 1.5, "com": 0.25}))


def measure_pages(directory: Path, batches: list[str]) -> dict[str, Any]:
    """Return how long pages take at random places: by their cursors, by offset, and of those in one state."""
    with running_cuelight(directory, http=ANY_HTTP_PORT) as system:
        site = system.site

        async def read(more: str) -> list[float]:
            taken: list[float] = []
            # As clients do, over a connection that is kept.
            async with connections(site, 1) as [connection]:
                for _ in range(PAGES):
                    batch = random.choice(batches)
                    first = batches.index(batch) * BATCH_ITEMS
                    place = random.randrange(0, BATCH_ITEMS - PAGE_ITEMS)
                    path = f"/v1/batch/items?batch_id={batch}&limit={PAGE_ITEMS}&"
                    path += more.format(cursor=first + place, offset=place)
                    request = site.request("GET", path)
                    began = time.perf_counter()
                    answer = await connection.ask(request)
                    taken.append((time.perf_counter() - began) * 1000)
                    reply = json.loads(answer.partition(b"\r\n\r\n")[2])
                    if len(reply["items"]) != PAGE_ITEMS:
                        raise SystemExit(f"This is no page: {reply}")
            return taken

        kinds = {"cursor": "cursor={cursor}", "offset": "offset={offset}"}
        times = {name: asyncio.run(read(more)) for name, more in kinds.items()}
    return {
        "known": len(batches) * BATCH_ITEMS,
        "median_ms": {name: round(statistics.median(taken), 2) for name, taken in times.items()},
        "p95_ms": {name: round(statistics.quantiles(taken, n=20)[-1], 2) for name, taken in times.items()},
        "most_ms": MOST_PAGE_MS,
    }


def show(result: dict[str, Any]) -> str:
    """Return the figures as lines."""
    made = result["creation"]
    times = f"{made['median_s']} s (best {made['best_s']} s, at most {made['most_s']} s)"
    lines = [f"A batch of {made['items']:,} items ({made['request_mb']} MB) over HTTP: {times}"]
    if "pages" in result:
        read = result["pages"]
        told = ", ".join(
            f"by {name} {ms} ms (95 %: {read['p95_ms'][name]} ms)" for name, ms in read["median_ms"].items()
        )
        lines.append(f"A page of {PAGE_ITEMS} out of {read['known']:,} items: {told}, at most {read['most_ms']} ms")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
