"""What waits for one reader is bounded in number and in size, and tells what it dropped."""

from __future__ import annotations

import pytest

from http_gateway.stream_frames import MOST_CHARACTERS, Frame, OrderedBuffer


def filled(overflow, sizes):
    """A buffer that has got frames of these sizes."""
    buffer = OrderedBuffer("console", 100, overflow)
    buffer.fill([])
    for number, size in enumerate(sizes):
        buffer.put(Frame("console", "x" * size, number))
    return buffer


def read_all(buffer):
    """Take what is due; the numbers of the frames, and what notices say."""
    taken = []
    while buffer.due_s() is not None:
        frame = buffer.take(0.0)
        taken.append(frame.seq if frame.counted else frame.text)
    return taken


@pytest.mark.parametrize(
    ("overflow", "left"),
    [
        ("gap", ['{"op":"gap","topic":"console","gap":2}', 2, 3]),
        ("resync", ['{"op":"resync","topic":"console"}', 2, 3]),
    ],
)
def test_of_large_frames_fewer_wait(overflow, left):
    buffer = filled(overflow, [MOST_CHARACTERS // 2] * 4)
    assert buffer.dropped == 2
    assert read_all(buffer) == left


def test_a_reader_that_must_miss_nothing_is_cut():
    assert not filled("cut", [MOST_CHARACTERS // 2] * 2).is_overrun
    assert filled("cut", [MOST_CHARACTERS // 2] * 3).is_overrun


def test_one_frame_of_any_size_has_room_and_what_was_taken_counts_no_more():
    buffer = filled("gap", [2 * MOST_CHARACTERS])
    assert read_all(buffer) == [0]
    for number in range(1, 4):
        buffer.put(Frame("console", "x" * (MOST_CHARACTERS // 3), number))
    assert read_all(buffer) == [1, 2, 3]


def test_the_beginning_counts_too():
    buffer = OrderedBuffer("console", 100, "gap")
    buffer.fill([Frame("console", "x" * MOST_CHARACTERS, 1)])
    buffer.put(Frame("console", "new", 2))
    assert read_all(buffer) == ['{"op":"gap","topic":"console","gap":1}', 2]
