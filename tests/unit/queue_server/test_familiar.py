"""What came before is found again, for whom it was read, and only as long as it is the same."""

from __future__ import annotations

from queue_server.familiar import LONGEST_BYTES, MOST_REQUESTS, EncodedReplies, FamiliarRequests
from queue_server.protocol.codec import decode
from queue_server.protocol.peer import ANYBODY, Peer


def test_the_same_bytes_of_the_same_peer_are_found():
    requests = FamiliarRequests[str]()
    requests.keep(b"status", Peer("ann"), "read")
    assert requests.find(bytes(bytearray(b"status")), Peer("ann")) == "read"


def test_the_same_bytes_of_another_peer_are_another_request():
    requests = FamiliarRequests[str]()
    requests.keep(b"status", Peer("ann", frozenset({"read:status"})), "read")
    for other in (ANYBODY, Peer("ann"), Peer("bob", frozenset({"read:status"}))):
        assert requests.find(b"status", other) is None


def test_other_bytes_are_not_found():
    requests = FamiliarRequests[str]()
    requests.keep(b"status", ANYBODY, "read")
    assert requests.find(b"status ", ANYBODY) is None


def test_a_long_request_is_not_kept():
    requests = FamiliarRequests[str]()
    requests.keep(b"x" * (LONGEST_BYTES + 1), ANYBODY, "read")
    assert requests.find(b"x" * (LONGEST_BYTES + 1), ANYBODY) is None


def test_no_more_than_so_many_are_kept():
    requests = FamiliarRequests[int]()
    for number in range(3 * MOST_REQUESTS):
        requests.keep(str(number).encode(), ANYBODY, number)
    found = [number for number in range(3 * MOST_REQUESTS) if requests.find(str(number).encode(), ANYBODY) is not None]
    assert 0 < len(found) <= MOST_REQUESTS
    assert found[-1] == 3 * MOST_REQUESTS - 1


def test_the_same_value_is_encoded_once_in_each_encoding():
    replies, value = EncodedReplies(), {"a": 1}
    for encoding in ("json", "msgpack"):
        first = replies.encode(value, encoding)
        assert replies.encode(value, encoding) is first
        assert decode(first) == (value, encoding)


def test_another_value_is_encoded_even_if_it_is_equal():
    replies = EncodedReplies()
    assert replies.encode({"a": 1}, "json") == replies.encode({"a": 1}, "json")
    assert decode(replies.encode({"a": 2}, "json"))[0] == {"a": 2}
