"""How items end: the phases never go back, and what the item still lacked is told."""

from __future__ import annotations

from http_gateway.dialects.scanhub.endings import advance, settle
from http_gateway.dialects.scanhub.model import Failure, Scan, State
from tests.doubles.device_session import DEVICE, ITEM, order_of


def test_a_phase_is_not_reached_twice():
    scan = Scan(order_of(), 1, "uploading")
    state = State(DEVICE, scan=scan)
    assert advance(state, scan, "running") == (state, ())


def test_an_item_that_is_not_known_is_not_settled():
    state = State(DEVICE)
    assert settle(state, ITEM, 5.0) == (state, ())


def test_what_an_item_lacks_is_a_failed_file_before_a_missing_one():
    scan = Scan(order_of(expected_uploads=2), 1)
    assert scan.lacks == "no upload: 0 of 2 expected files arrived"
    failed = Scan(order_of(), 1, failed=(Failure("a.mrd", "too long", 1),))
    assert failed.lacks == "upload failed: a.mrd: too long"
    assert Scan(order_of(expected_uploads=0), 1).lacks == ""
