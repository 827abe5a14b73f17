"""Takes the lock of a person off stored data that no manager serves, for when its key is lost."""

from __future__ import annotations

from queue_server.core.locks import Lock, LockCleared, clear_lock
from queue_server.engine.recovery import restore, save
from queue_server.protocol.event_log import EventRecord
from queue_server.protocol.items import Origin
from queue_server.storage.base import Transaction

EVENT_KIND = "clear_lock"


def clear_stored_lock(tx: Transaction, epoch: int, now: float, user: str) -> Lock:
    """Take the lock off and write into the event log who did it; return the lock as it was, open if there was none.

    Args:
        tx: the transaction in which both happen.
        epoch: the epoch in which the store was opened for this.
        now: the time, in seconds since 1970-01-01 UTC.
        user: who clears the lock.
    """
    state = restore(tx, epoch, now)
    lock = state.lock
    if lock.is_set:
        state, _ = clear_lock(state, LockCleared())
        save(tx, state)
        data = {"locked_by": lock.user, "environment": lock.environment, "queue": lock.queue, "note": lock.note}
        tx.append_event(EventRecord(EVENT_KIND, now, epoch, origin=Origin(user=user), data=data))
    return lock
