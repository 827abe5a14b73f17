"""What waits for its reply: requests and bytes, in all and for each connection."""

from __future__ import annotations

import pytest

from queue_server.protocol.limits import MIB, Limits
from queue_server.transport.occupancy import Occupancy


@pytest.fixture
def occupancy():
    """Room for 3 requests, 2 of each peer, and for 4 MiB, 2 of each peer."""
    return Occupancy(
        Limits(
            max_requests=3,
            max_requests_per_client=2,
            max_request_bytes=4 * MIB,
            max_request_bytes_per_client=2 * MIB,
        )
    )


def test_each_peer_and_all_together_have_a_limit_of_requests(occupancy):
    for peer in (b"a", b"a", b"b"):
        assert occupancy.has_room(peer, 1)
        occupancy.enter(peer, 1)
    assert not occupancy.has_room(b"a", 1)
    assert not occupancy.has_room(b"c", 1)
    occupancy.leave(b"a", 1)
    assert occupancy.has_room(b"c", 1)
    assert occupancy.total == 2


def test_a_peer_has_a_limit_of_bytes_that_a_single_request_may_exceed(occupancy):
    assert occupancy.has_room(b"a", 3 * MIB)
    occupancy.enter(b"a", 3 * MIB)
    assert not occupancy.has_room(b"a", 1)
    assert occupancy.has_room(b"b", MIB)
    assert not occupancy.has_room(b"b", MIB + 1)


def test_where_nothing_waits_even_the_largest_request_is_taken(occupancy):
    assert occupancy.has_room(b"a", 100 * MIB)


def test_what_has_left_is_forgotten(occupancy):
    for _ in range(1000):
        occupancy.enter(b"a", MIB)
        occupancy.leave(b"a", MIB)
    assert occupancy.total == 0
    assert occupancy.has_room(b"a", 2 * MIB)
