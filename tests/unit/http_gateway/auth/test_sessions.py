"""Sessions: how they continue, and when they end."""

from __future__ import annotations

import pytest

from http_gateway.auth import sessions
from http_gateway.auth.people import note_login


@pytest.fixture
def person(store):
    return store.run(lambda connection: note_login(connection, "toy", "bob", 1.0))


@pytest.fixture
def session(store, person):
    return store.run(lambda connection: sessions.open_session(connection, person.uuid, 100.0, 1000))


def go_on(store, session, refresh_id, now):
    return store.run(lambda connection: sessions.continue_session(connection, session.uuid, refresh_id, now))


def test_the_previous_token_stays_valid_for_a_minute(store, session):
    first = go_on(store, session, session.refresh_id, 200.0)
    assert first.refresh_id != session.refresh_id
    assert go_on(store, session, session.refresh_id, 259.9) == first
    assert go_on(store, session, first.refresh_id, 270.0).refresh_id != first.refresh_id


def test_after_the_minute_it_ends_the_session(store, session):
    first = go_on(store, session, session.refresh_id, 200.0)
    assert go_on(store, session, session.refresh_id, 260.0) is None
    assert go_on(store, session, first.refresh_id, 261.0) is None


def test_a_session_ends_at_its_time_however_often_it_is_refreshed(store, session):
    first = go_on(store, session, session.refresh_id, 1099.0)
    assert first.expires == session.expires == 1100.0
    assert go_on(store, session, first.refresh_id, 1100.0) is None


def test_an_unknown_session_does_not_continue(store, session):
    assert store.run(lambda c: sessions.continue_session(c, "0" * 32, session.refresh_id, 200.0)) is None


def test_only_the_owner_revokes(store, session, person):
    assert not store.run(lambda c: sessions.revoke_session(c, session.uuid, "0" * 32))
    assert store.run(lambda c: sessions.revoke_session(c, session.uuid, person.uuid))
    assert go_on(store, session, session.refresh_id, 200.0) is None


def test_expired_sessions_are_purged_and_others_stay(store, session):
    assert store.run(lambda c: sessions.purge_sessions(c, 1099.0)) == 0
    assert store.run(lambda c: sessions.purge_sessions(c, 1100.0)) == 1
    assert store.run(lambda c: sessions.find_session(c, session.uuid)) is None


def test_the_oldest_sessions_make_room(store, person):
    made = [store.run(lambda c, now=now: sessions.open_session(c, person.uuid, now, 1000)) for now in (1.0, 2.0, 3.0)]
    store.run(lambda c: sessions.drop_oldest(c, person.uuid, 2))
    assert store.run(lambda c: sessions.list_sessions(c, person.uuid)) == made[1:]
