"""Console output is printed, and published all the same."""

from __future__ import annotations

import asyncio
import io
import logging
from contextlib import AsyncExitStack

import pytest

from queue_server.transport.console import PrintingBoard, publish_log


class Board:
    """Notes what is published."""

    def __init__(self):
        self.published = []

    def publish_console(self, time, text):
        self.published.append((time, text))

    def publish_progress(self, payload):
        self.published.append(payload)


class GoneStream(io.StringIO):
    """A terminal that nobody holds any more."""

    def write(self, text, /):
        raise BrokenPipeError("gone")


def closed_stream():
    stream = io.StringIO()
    stream.close()
    return stream


def test_output_is_printed_as_it_is_and_published():
    board, stream = Board(), io.StringIO()
    printing = PrintingBoard(board, stream)
    printing.publish_console(1.0, "first ")
    printing.publish_console(2.0, "line\n")
    printing.publish_progress({"done": 1})
    assert stream.getvalue() == "first line\n"
    assert board.published == [(1.0, "first "), (2.0, "line\n"), {"done": 1}]


@pytest.mark.parametrize("stream", [GoneStream(), closed_stream()], ids=["gone", "closed"])
def test_a_stream_that_is_gone_hinders_nobody(stream):
    board = Board()
    PrintingBoard(board, stream).publish_console(1.0, "text")
    assert board.published == [(1.0, "text")]


async def test_what_is_logged_in_any_thread_is_published_by_the_event_loop_until_the_stack_is_closed():
    board, log = Board(), logging.getLogger("queue_server.test_console")
    turned = asyncio.Event()
    async with AsyncExitStack() as stack:
        publish_log(stack, board)
        log.warning("from the loop")
        assert [text.count("from the loop") for _, text in board.published] == [1]
        await asyncio.to_thread(log.warning, "from a thread")
        # What the thread has handed over comes first.
        asyncio.get_running_loop().call_soon(turned.set)
        await turned.wait()
        assert "from a thread" in board.published[-1][1]
        seen = len(board.published)
    log.warning("to nobody")
    assert len(board.published) == seen
