"""Dockets: what belongs to an item from its order until the session forgets it."""

from __future__ import annotations

from dataclasses import replace

from http_gateway.dialects.scanhub.dockets import Docket, Dockets
from http_gateway.dialects.scanhub.model import Scan, State
from queue_server.protocol.items import AttemptKey
from tests.doubles.device_session import DEVICE, ITEM, OTHER, order_of

KEY = AttemptKey(ITEM, ITEM, DEVICE, 1, 1)
SCAN = Scan(order_of(), 1, phase="running", progress=40)
KNOWN = State(DEVICE, scan=SCAN)
NOBODY = State(DEVICE)


def test_an_item_in_preparation_is_kept_until_the_session_had_its_say():
    dockets = Dockets()
    dockets.begin(KEY, 5.0)
    dockets.forget_all_but(NOBODY)
    dockets.make_ready(ITEM, (OTHER, "w"), "a start frame")
    assert "a start frame" not in repr(dockets.find(ITEM))
    dockets.end_preparation(ITEM)
    dockets.forget_all_but(KNOWN)
    assert [dockets.take_start(ITEM), dockets.take_start(ITEM)] == ["a start frame", ""]
    assert dockets.attempt_of(SCAN) == KEY
    dockets.forget_all_but(NOBODY)
    assert dockets.find(ITEM) is None
    assert dockets.attempt_of(SCAN) is None
    assert dockets.attempt_of(None) is None


def test_what_is_kept_of_an_item_says_nothing_of_its_progress_and_becomes_a_docket_again():
    dockets = Dockets()
    dockets.begin(KEY, 5.0)
    dockets.end_preparation(ITEM)
    dockets.expire(ITEM, 9.0)
    dockets.expire(OTHER, 9.0)
    [entry] = dockets.enter(KNOWN)
    assert entry.scan == replace(SCAN, progress=0)
    assert Docket.of(entry) == dockets.find(ITEM)
    assert (entry.place, entry.expires) == ((ITEM, None), 9.0)
    assert dockets.enter(NOBODY) == ()
