"""The uids of the queue along a turn: each event goes on where the one before has ended."""

from queue_server.core.view import part_uid
from queue_server.engine.trail import Trail

INSTANCE = "6f1c3f0e-6a3c-4f0e-9c39-0a4f1d1f9a11"


def uid(revision):
    return part_uid(INSTANCE, "queue", revision)


def test_an_event_that_changed_the_queue_has_the_uids_before_and_after():
    trail = Trail(INSTANCE, 4, ())
    assert trail.pass_to(5) == (uid(4), uid(5))
    assert trail.pass_to(8) == (uid(5), uid(8))


def test_an_event_that_left_the_queue_alone_has_none():
    trail = Trail(INSTANCE, 4, ())
    assert trail.pass_to(4) == ("", "")
    assert trail.pass_to(5) == (uid(4), uid(5))


def test_a_turn_that_belongs_to_no_data_has_none():
    assert Trail("", 1, ()).pass_to(2) == ("", "")
