"""Whoever chooses the uid of an item does not choose a directory."""

from __future__ import annotations

import pytest

from device_worker.attempt_directory import name_directory
from queue_server.protocol.items import AttemptKey


def test_a_directory_has_the_name_of_item_and_attempt():
    assert name_directory(AttemptKey("item-1", "s", "default", 3, 1)) == "item-1.3"


@pytest.mark.parametrize("uid", ["../../etc", "a/b", "", ".", "x" * 200, "ä"])
def test_an_odd_uid_becomes_one_plain_name(uid):
    name = name_directory(AttemptKey(uid, "s", "default", 1, 1))
    assert name.removesuffix(".1").isalnum()
    assert len(name) == 66
