"""What a subscriber is told of documents by their numbers: each once, in order, and every gap."""

from __future__ import annotations

from typing import Any

import pytest

from queue_server.client.documents import LOST, Document, Gap, Sequencer, check_lanes, documents_address_in
from queue_server.protocol.codec import encode
from queue_server.protocol.documents import MARK, DocumentHeader, pack_published
from queue_server.protocol.errors import CommunicationError, ParameterError

CONTENT = {"uid": "u"}


def message(number, name="event", lane="default", incarnation="one", omitted="", content=CONTENT):
    """Return the frames of a document."""
    payload = content if isinstance(content, bytes) else encode(content, "msgpack")
    return pack_published(DocumentHeader(lane, incarnation, number, name, 5.0, omitted), payload)


def mark(number, **more):
    return message(number, MARK, content=b"", **more)


def document(number, lane="default", incarnation="one", name="event"):
    return Document(lane, incarnation, number, 5.0, name, CONTENT)


def gap(first, last, lane="default", incarnation="one", reason=LOST):
    return Gap(lane, incarnation, first, last, reason)


def take(*messages):
    """Return all that a subscriber is told of these messages."""
    sequencer: Any = Sequencer()
    return [told for frames in messages for told in sequencer.take(frames)]


def test_documents_come_with_lane_worker_number_and_time():
    assert take(message(1, "start"), message(2)) == [document(1, name="start"), document(2)]


def test_whoever_comes_later_misses_nothing_from_then_on():
    assert take(message(40), message(41)) == [document(40), document(41)]
    assert take(mark(40), mark(40), message(41)) == [document(41)]


def test_missing_numbers_are_told_before_the_next_document():
    told = take(message(1), message(5), message(6))
    assert told == [document(1), gap(2, 4), document(5), document(6)]
    assert told[1].missing == 3


def test_a_mark_tells_of_documents_that_nothing_has_followed():
    assert take(message(1), mark(1), mark(3), mark(3), message(4)) == [document(1), gap(2, 3), document(4)]


def test_what_came_before_is_not_told_twice():
    assert take(message(2), message(2), message(1), message(3)) == [document(2), document(3)]


def test_a_new_worker_of_a_lane_begins_at_one():
    assert take(message(7), message(1, incarnation="two")) == [document(7), document(1, incarnation="two")]
    told = take(message(7), message(3, incarnation="two"))
    assert told == [document(7), gap(1, 2, incarnation="two"), document(3, incarnation="two")]
    assert take(message(7), mark(2, incarnation="two")) == [document(7), gap(1, 2, incarnation="two")]


def test_the_last_words_of_an_earlier_worker_may_come_after_the_first_of_its_successor():
    told = take(message(7), mark(0, incarnation="two"), message(8), message(1, incarnation="two"))
    assert told == [document(7), document(8), document(1, incarnation="two")]


def test_lanes_are_counted_for_themselves():
    told = take(message(1), message(9, lane="b", incarnation="b1"), message(2), message(11, lane="b", incarnation="b1"))
    assert told == [
        document(1),
        document(9, "b", "b1"),
        document(2),
        gap(10, 10, "b", "b1"),
        document(11, "b", "b1"),
    ]


def test_a_document_that_is_not_sent_or_cannot_be_read_is_a_gap_with_the_reason():
    told = take(message(1), message(2, omitted="too large", content=b""), message(3, content=b"[]"), message(4))
    assert told[:2] == [document(1), gap(2, 2, reason="too large")]
    assert (told[2].first, told[2].last) == (3, 3)
    assert "neither a JSON object nor a msgpack map" in told[2].reason
    assert told[3] == document(4)


@pytest.mark.parametrize("frames", [[], [b"a"], [b"a", b"b", b"c"], [b"a", b"{}", b"{}"]])
def test_what_is_no_document_is_passed_over(frames):
    assert take(frames) == []


def test_workers_that_were_heard_long_ago_are_forgotten():
    sequencer = Sequencer()
    sequencer.take(message(5, lane="old", incarnation="x"))
    for number in range(1000):
        sequencer.take(message(1, lane="new", incarnation=str(number)))
    assert sequencer.take(message(9, lane="old", incarnation="x")) == (document(9, "old", "x"),)


# --- what is asked for ----------------------------------------------------------------------------------------------


def test_lanes_are_subscribed_to_by_their_whole_names():
    assert check_lanes(None) == (b"",)
    assert check_lanes(["default", "b"]) == (b"default/", b"b/")


@pytest.mark.parametrize("lanes", [[], "default"])
def test_lanes_that_are_no_list_of_lanes_are_refused(lanes):
    with pytest.raises(ParameterError, match="'lanes'"):
        check_lanes(lanes)


def test_the_manager_tells_where_documents_are():
    assert documents_address_in({"config": {"documents": "tcp://127.0.0.1:9"}}, "ipc://x") == "tcp://127.0.0.1:9"
    assert documents_address_in({"config": {"documents": "tcp://*:9"}}, "tcp://beamline:1") == "tcp://beamline:9"


@pytest.mark.parametrize("reply", [{}, {"config": None}, {"config": {}}, {"config": {"documents": None}}])
def test_a_manager_that_does_not_tell_is_an_older_one(reply):
    with pytest.raises(CommunicationError, match="older"):
        documents_address_in(reply, "tcp://x:1")
