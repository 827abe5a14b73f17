"""The quota of a directory of artifacts: what would overdraw it is refused, whoever wants to store it."""

from __future__ import annotations

import pytest

from queue_server.artifacts.expectation import Expectation
from queue_server.artifacts.rules import Rules, write_rules
from queue_server.artifacts.store import open_artifacts
from queue_server.artifacts.usage import FRESH_S
from queue_server.clock import Chance, ManualClock
from queue_server.protocol.errors import StorageFullError


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def store(root, clock):
    return open_artifacts(root, clock=clock, chance=Chance.seeded(1), reserve_bytes=0)


@pytest.fixture
def limit(store, root):
    """Set the quota."""
    return lambda quota_bytes: write_rules(root / "artifacts", Rules(quota_bytes))


def test_what_fits_is_stored_and_one_byte_more_is_not(put, limit, store):
    limit(10)
    put(b"1" * 6)
    put(b"2" * 4)
    with pytest.raises(StorageFullError, match="10 of 10 are used") as caught:
        put(b"3")
    assert caught.value.details == {"used_bytes": 10, "quota_bytes": 10, "size_bytes": 1}
    assert len(list(store.ids())) == 2


def test_what_is_announced_as_too_large_is_not_even_begun(limit, store, drafts):
    limit(10)
    with pytest.raises(StorageFullError):
        store.begin(Expectation(size_bytes=11))
    assert drafts() == []


def test_a_raised_quota_holds_at_once(put, limit):
    limit(0)
    with pytest.raises(StorageFullError):
        put(b"1")
    limit(1)
    assert put(b"1").size_bytes == 1


def test_what_others_have_stored_is_seen_a_little_later(put, limit, root, clock):
    limit(10)
    put(b"1")
    other = open_artifacts(root, clock=clock, chance=Chance.seeded(2), reserve_bytes=0)
    with other.begin() as writer:
        writer.write(b"2" * 8)
        writer.commit()
    clock.advance(FRESH_S + 1)
    with pytest.raises(StorageFullError, match="9 of 10 are used"):
        put(b"33")
