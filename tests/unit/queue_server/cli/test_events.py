"""Following the event log: every event once, in order, whatever the notices leave out."""

import pytest

from queue_server.cli.events import EventFollower


@pytest.fixture
def followed():
    """A log of nine events that is read in pages of two; a follower that knows the first three; what it shows."""
    shown, asked = [], []

    def read(since):
        asked.append(since)
        return [{"seq": seq} for seq in range(since + 1, 10)][:2]

    return EventFollower(read, lambda event: shown.append(event["seq"]), 3), shown, asked


def test_the_next_event_is_asked_for_and_shown(followed):
    follower, shown, asked = followed
    follower.hear(4)
    assert (shown[0], asked) == (4, [3])


def test_a_gap_is_filled_page_by_page(followed):
    follower, shown, asked = followed
    follower.hear(9)
    assert shown == [4, 5, 6, 7, 8, 9]
    assert asked == [3, 5, 7]


@pytest.mark.parametrize("seq", [0, 2, 3])
def test_what_was_shown_is_not_asked_for_again(followed, seq):
    follower, shown, asked = followed
    follower.hear(seq)
    assert (shown, asked) == ([], [])


def test_an_announcement_of_what_is_not_there_ends_the_asking(followed):
    follower, shown, asked = followed
    follower.hear(100)
    assert shown[-1] == 9
    assert asked[-1] == 9
