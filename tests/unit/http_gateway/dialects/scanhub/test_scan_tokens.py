"""Scan tokens: for one device and one item, and for as long as that may still need them."""

from __future__ import annotations

from http_gateway.dialects.scanhub.scan_tokens import issue_scan_token
from tests.doubles.device_session import DEVICE, ITEM, OTHER


def test_a_token_is_bound_to_its_device_and_item():
    token, kept = issue_scan_token(DEVICE, ITEM)
    assert kept.admits(token, DEVICE, ITEM, 0.0)
    assert kept.admits_item(token, 1e12)
    assert not kept.admits(token, DEVICE, OTHER, 0.0)
    assert not kept.admits(token, OTHER, ITEM, 0.0)
    assert not kept.admits("wrong", DEVICE, ITEM, 0.0)
    assert not kept.admits(issue_scan_token(DEVICE, ITEM)[0], DEVICE, ITEM, 0.0)


def test_a_token_counts_for_the_grace_after_the_end():
    token, kept = issue_scan_token(DEVICE, ITEM)
    ended = kept.end(1000.0, 60.0)
    assert ended.admits_item(token, 1059.9)
    assert not ended.admits_item(token, 1060.0)


def test_a_token_counts_for_a_day_while_the_item_is_unknown_and_for_the_grace_once_it_is_resolved():
    token, kept = issue_scan_token(DEVICE, ITEM)
    unknown = kept.become_unknown(1000.0)
    assert unknown.admits_item(token, 1000.0 + 86_399)
    assert not unknown.admits_item(token, 1000.0 + 86_400)
    assert not unknown.end(2000.0, 60.0).admits_item(token, 2060.0)


def test_what_is_kept_shows_no_token():
    token, kept = issue_scan_token(DEVICE, ITEM)
    assert token not in repr(kept)
    assert kept.digest.hex() not in repr(kept)
    assert "digest" not in repr(kept)
