"""The invariants see what must not be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from http_gateway.dialects.scanhub.invariants import violations
from http_gateway.dialects.scanhub.model import Connection, Limits, Scan, State, Upload
from http_gateway.dialects.scanhub.uploads import File
from tests.doubles.device_session import DEVICE, order_of

FILE = File("a", "NOT_SET", 5, None)
SCAN = Scan(order_of(), 1, "running")
LIVE = Connection(1, "10.0.0.7", 0.0, is_quiet=True)
GOOD = State(DEVICE, generation=1, connection=LIVE, scan=SCAN)
LOADING = Upload(1, 1, SCAN.item_uid, FILE, "receiving")

BROKEN = [
    (replace(GOOD, ended=(replace(SCAN, outcome="failed"),)), "known twice"),
    (replace(GOOD, uploads=(LOADING, LOADING)), "an upload is known twice"),
    (replace(GOOD, uploads=(LOADING, replace(LOADING, number=2))), "two uploads come in"),
    (replace(GOOD, uploads=(replace(LOADING, generation=0),)), "for another connection"),
    (replace(GOOD, uploads=(replace(LOADING, item_uid="x"),)), "not known"),
    (replace(GOOD, connection=None, uploads=(LOADING,)), "without a connection"),
    (replace(GOOD, generation=2), "not the newest"),
    (replace(GOOD, ended=(replace(SCAN, order=order_of("x")),)), "has no outcome"),
    (replace(GOOD, scan=replace(SCAN, outcome="done")), "active item has an outcome"),
    (replace(GOOD, scan=replace(SCAN, phase="dispatched", callback_ended=True, grace_until=1.0)), "before it began"),
    (replace(GOOD, scan=replace(SCAN, callback_ended=True)), "nothing ends the wait"),
    (replace(GOOD, connection=None), "connection that is gone"),
    (replace(GOOD, connection=replace(LIVE, is_quiet=False)), "talked to"),
    (replace(GOOD, scan=replace(SCAN, progress=101)), "no percentage"),
    (
        replace(
            GOOD,
            limits=Limits(remembered_items=0),
            ended=tuple(replace(SCAN, order=order_of(uid), outcome="done") for uid in "ab"),
        ),
        "more is remembered",
    ),
]


def test_a_sound_state_breaks_nothing():
    assert violations(GOOD) == []


@pytest.mark.parametrize(("state", "words"), BROKEN, ids=[words for _, words in BROKEN])
def test_a_broken_state_is_named(state, words):
    assert any(words in text for text in violations(state))
