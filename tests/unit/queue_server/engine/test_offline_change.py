"""What was done to the data while no manager ran is told once, and no client is shown what it has cached."""

from __future__ import annotations

import orjson
from msgspec.structs import asdict

from queue_server.clock import Chance
from queue_server.core.model import Lane, Revisions, State
from queue_server.engine.offline_change import AHEAD, take_note
from queue_server.engine.turn import Turn
from queue_server.storage.base import OFFLINE_CHANGE

STATE = State(epoch=3, lanes=(Lane(),), revisions=Revisions(queue=4, lock=2))


async def _take(store):
    def work(tx):
        turn = Turn(tx, STATE, 100.0, Chance.seeded(1))
        return take_note(turn), turn.state

    return await store.transact(work)


async def test_a_change_is_recorded_and_every_part_gets_a_new_uid(store):
    told = {"kind": "restored", "file": "b.sqlite", "epoch": 2, "last_seq": 7}
    await store.transact(lambda tx: tx.save(OFFLINE_CHANGE, orjson.dumps(told)))
    was_changed, state = await _take(store)
    assert was_changed
    before = asdict(STATE.revisions)
    assert asdict(state.revisions) == {name: number + AHEAD for name, number in before.items()}
    [event] = await store.transact(lambda tx: tx.events(0, 10))
    assert (event.kind, event.data) == ("restored", {"file": "b.sqlite", "epoch": 2, "last_seq": 7})


async def test_it_is_told_once(store):
    await store.transact(lambda tx: tx.save(OFFLINE_CHANGE, orjson.dumps({"kind": "imported"})))
    assert (await _take(store))[0]
    assert await _take(store) == (False, STATE)


async def test_without_a_change_nothing_is_recorded(store):
    assert await _take(store) == (False, STATE)
    assert await store.transact(lambda tx: tx.last_seq()) == 0
