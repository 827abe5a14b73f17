"""Keys of locks: digests that tell nothing, and guesses that are counted."""

from __future__ import annotations

import pytest

from queue_server.clock import Chance, ManualClock
from queue_server.core.locks import Lock
from queue_server.handlers.lock_keys import GUESSES_WITHIN_S, MOST_GUESSES, LockKeys
from queue_server.protocol.errors import BusyError


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def keys(clock):
    return LockKeys(clock, Chance.seeded(1))


def lock_of(keys, key):
    """Return a lock with a key."""
    return Lock(queue=True, digest=keys.digest(key))


def test_only_the_key_of_a_lock_fits(keys):
    lock = lock_of(keys, "secret")
    assert keys.fits("secret", lock)
    assert not keys.fits("Secret", lock)
    assert not keys.fits("", lock)


def test_a_digest_does_not_contain_the_key_and_is_never_the_same(keys):
    first, second = keys.digest("secret"), keys.digest("secret")
    assert "secret" not in first
    assert first != second


def test_a_key_that_fitted_does_not_fit_the_next_lock(keys):
    assert keys.fits("old", lock_of(keys, "old"))
    assert not keys.fits("old", lock_of(keys, "new"))


def test_the_emergency_key_opens_only_where_it_is_allowed(clock):
    keys = LockKeys(clock, Chance.seeded(1), emergency_key="help")
    lock = lock_of(keys, "secret")
    assert keys.has_emergency_key
    assert not keys.fits("help", lock)
    assert keys.fits("help", lock, emergency=True)


def test_without_an_emergency_key_none_fits(keys):
    assert not keys.has_emergency_key
    assert not keys.fits("help", lock_of(keys, "secret"), emergency=True)


def test_too_many_guesses_are_not_looked_at_until_a_minute_has_passed(keys, clock):
    lock = lock_of(keys, "secret")
    for _ in range(MOST_GUESSES):
        assert not keys.fits("guess", lock)
    with pytest.raises(BusyError) as caught:
        keys.fits("secret", lock)
    assert 0 < caught.value.details["retry_after_s"] <= GUESSES_WITHIN_S
    clock.advance(GUESSES_WITHIN_S + 0.1)
    assert keys.fits("secret", lock)


def test_a_key_that_is_known_to_fit_is_not_held_up_by_the_guesses_of_others(keys):
    lock = lock_of(keys, "secret")
    assert keys.fits("secret", lock)
    for _ in range(MOST_GUESSES):
        keys.fits("guess", lock)
    assert keys.fits("secret", lock)
