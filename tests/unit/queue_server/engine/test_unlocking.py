"""The lock of a person is taken off stored data, with its row in the event log."""

from __future__ import annotations

from msgspec.structs import replace

from queue_server.core.locks import OPEN, Lock
from queue_server.core.model import Lane, Revisions, State, Worker
from queue_server.engine.recovery import durable_part, restore, save
from queue_server.engine.unlocking import EVENT_KIND, clear_stored_lock

LOCK = Lock(environment=True, queue=True, user="anna", note="aligning", time=50.0, digest="salt$digest")
STATE = State(
    epoch=3,
    lanes=(Lane(worker=Worker("open", "w-1"), loop=True, autostart=True),),
    revisions=Revisions(queue=4, lock=2),
    lock=LOCK,
)


async def test_the_lock_is_taken_off_and_everything_else_stays(store):
    await store.transact(lambda tx: save(tx, STATE))
    cleared = await store.transact(lambda tx: clear_stored_lock(tx, store.epoch, 100.0, "ben"))
    state = await store.transact(lambda tx: restore(tx, store.epoch, 100.0))

    assert cleared == LOCK
    assert state.lock == OPEN
    assert state.revisions == replace(STATE.revisions, lock=3)
    unlocked = replace(STATE, lock=OPEN, revisions=state.revisions)
    assert durable_part(state) == durable_part(unlocked)


async def test_who_cleared_whose_lock_is_in_the_event_log_without_the_key(store):
    await store.transact(lambda tx: save(tx, STATE))
    await store.transact(lambda tx: clear_stored_lock(tx, store.epoch, 100.0, "ben"))
    [event] = await store.transact(lambda tx: tx.events(0, 10))
    assert (event.kind, event.time, event.origin.user) == (EVENT_KIND, 100.0, "ben")
    assert event.data == {"locked_by": "anna", "environment": True, "queue": True, "note": "aligning"}


async def test_without_a_lock_nothing_is_written(store):
    await store.transact(lambda tx: save(tx, replace(STATE, lock=OPEN)))
    assert await store.transact(lambda tx: clear_stored_lock(tx, store.epoch, 100.0, "ben")) == OPEN
    assert await store.transact(lambda tx: tx.events(0, 10)) == []
    state = await store.transact(lambda tx: restore(tx, store.epoch, 100.0))
    assert state.revisions == STATE.revisions


async def test_a_store_that_nobody_has_served_has_no_lock(store):
    assert await store.transact(lambda tx: clear_stored_lock(tx, store.epoch, 100.0, "ben")) == OPEN
    assert await store.transact(lambda tx: tx.load("core")) is None
