"""While the disk is full, what takes room is refused, and what ends work or frees room is not."""

from __future__ import annotations

import pytest

from queue_server.handlers.reserve import RELIEVING, NoRoomError, require_room
from queue_server.protocol.methods import METHODS
from tests.cases import each


def _is_refused(name):
    try:
        require_room(METHODS[name], lambda: False)
    except NoRoomError:
        return True
    return False


@each("name", sorted(METHODS))
def test_only_what_takes_room_is_refused(name):
    takes_room = METHODS[name].kind == "mutation" and name not in RELIEVING
    assert _is_refused(name) == takes_room
    require_room(METHODS[name], lambda: True)


def test_stopping_and_removing_are_never_refused():
    for name in ("queue_stop", "queue_item_remove", "queue_clear", "environment_destroy", "estop", "manager_stop"):
        assert not _is_refused(name)
    for name in ("queue_item_add", "queue_item_add_batch", "queue_start", "permissions_set"):
        assert _is_refused(name)


def test_what_relieves_exists():
    assert METHODS.keys() >= RELIEVING


def test_the_refusal_is_that_of_a_full_store():
    with pytest.raises(NoRoomError, match="free some space") as caught:
        require_room(METHODS["queue_item_add"], lambda: False)
    assert (caught.value.code, caught.value.http_status) == ("storage_full", 507)
