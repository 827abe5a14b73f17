"""A process that creates a batch on a data directory: ``python -m tests.doubles.batch_maker DATA SIZE``.

It prints the reply. Failpoints of the environment may end it before.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from queue_server.clock import Chance, ManualClock
from queue_server.protocol.codec import encode
from queue_server.storage.sqlite import open_sqlite
from tests.doubles.bench import USER, Bench, plan

IDEMPOTENCY = {"key": "the key", "endpoint": "here", "fingerprint": "0" * 64}


def request_of(size):
    """Return the parameters of the request."""
    items = [{"item": plan(kwargs={"num": num})} for num in range(size)]
    return {"items": items, "idempotency": IDEMPOTENCY, **USER}


async def main(data, size):
    """Create the batch and print the reply."""
    store = open_sqlite(data, clock=ManualClock(), chance=Chance())
    bench = await Bench.begin(store)
    reply = await bench.ask("batch_create", **request_of(size))
    sys.stdout.write(encode(reply).decode())
    await bench.end()
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
