"""In which topics an event of the log appears."""

from __future__ import annotations

import pytest

from http_gateway.stream_topics import topics_of_event


@pytest.mark.parametrize("kind", ["queue_item_hold", "queue_undo", "item_started", "item_held", "copy_withdrawn"])
def test_what_changes_a_queue_is_told_to_those_who_follow_it(kind):
    assert topics_of_event(kind) == ("queue",)


def test_the_end_of_an_item_changes_the_history_too():
    assert topics_of_event("item_finished") == ("queue", "history")


def test_what_changes_neither_is_an_event_and_nothing_more():
    assert topics_of_event("item_waits") == ()
