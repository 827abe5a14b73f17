"""Locks: put on, replaced and taken off; what clients cache of them changes exactly then."""

from __future__ import annotations

import pytest

from queue_server.core.locks import OPEN, Lock, LockCleared, LockSet
from queue_server.core.machine import step
from queue_server.protocol.errors import ParameterError

LOCK = Lock(environment=True, user="Alice", note="alignment", time=5.0, digest="x")


def test_a_lock_is_put_on(make_state):
    state = step(make_state(), LockSet(LOCK)).state
    assert (state.lock, state.revisions.lock) == (LOCK, 1)


def test_a_lock_is_replaced_by_another(make_state):
    other = Lock(queue=True, digest="y")
    state = step(make_state(lock=LOCK), LockSet(other)).state
    assert (state.lock, state.revisions.lock) == (other, 1)


def test_a_lock_is_taken_off(make_state):
    state = step(make_state(lock=LOCK), LockCleared()).state
    assert (state.lock, state.revisions.lock) == (OPEN, 1)


def test_without_a_lock_there_is_nothing_to_take_off(make_state):
    state = make_state()
    assert step(state, LockCleared()).state == state


def test_a_lock_on_nothing_is_refused(make_state):
    with pytest.raises(ParameterError, match="environment and/or queue must be selected") as caught:
        step(make_state(), LockSet(Lock(digest="x")))
    assert caught.value.field == "environment"


@pytest.mark.parametrize(("lock", "is_set"), [(OPEN, False), (Lock(environment=True), True), (Lock(queue=True), True)])
def test_a_lock_knows_whether_anything_is_locked(lock, is_set):
    assert lock.is_set is is_set
