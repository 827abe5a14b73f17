"""Short words for what tests of stores do again and again."""

from __future__ import annotations

from queue_server.protocol.items import BACK, Item


def add_item(uid):
    """Return the work that puts an item at the back of the queue."""
    return lambda tx: tx.insert([Item(uid, "default", f"s-{uid}", {"name": "count"})], BACK)


async def uids_in(store):
    """Return the uids of the queue in order."""
    return [item.uid for item in await store.transact(lambda tx: tx.queue("default"))]


def mode_of(path):
    """Return the permissions of a file."""
    return path.stat().st_mode & 0o777
