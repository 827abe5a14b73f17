"""What is done beside the requests."""

from __future__ import annotations

import asyncio

from http_gateway.auth import api_keys, people, sessions
from http_gateway.auth.upkeep import Upkeep


def make_key(store, clock, life_s):
    person = store.run(lambda c: people.note_login(c, "toy", "bob", clock.wall()))
    key, _ = store.run(
        lambda c: api_keys.add_key(c, person.uuid, ["inherit"], now=clock.wall(), life_s=life_s, note=None)
    )
    return person, key


async def test_the_last_use_of_a_key_is_written_later_at_the_latest_at_the_end(store, clock):
    _, key = make_key(store, clock, None)
    upkeep = Upkeep(store, clock)
    upkeep.start()
    for time in (5.0, 7.0):
        upkeep.note_use(key.hash, time)
    await upkeep.close()
    assert store.run(lambda c: api_keys.find_key(c, key.hash)).latest_activity == 7.0


async def test_what_has_expired_is_removed_at_the_start(store, clock):
    person, _ = make_key(store, clock, 10.0)
    _, lasting = make_key(store, clock, None)
    session = store.run(lambda c: sessions.open_session(c, person.uuid, clock.wall(), 10))
    clock.advance(11)
    upkeep = Upkeep(store, clock)
    await upkeep.purge()
    assert store.run(lambda c: api_keys.list_keys(c, person.uuid)) == [lasting]
    assert store.run(lambda c: sessions.find_session(c, session.uuid)) is None


async def test_a_database_that_fails_is_logged_and_no_more(store, clock, caplog):
    store.run(lambda c: c.exec_driver_sql("DROP TABLE sessions"))
    upkeep = Upkeep(store, clock)
    upkeep.start()
    await asyncio.wait_for(upkeep.purge(), 60)
    await upkeep.close()
    assert "cannot be used" in caplog.text
