"""Console output on its ways: what workers print on the terminal of the manager, and what the manager logs as notices.

Keeps nothing.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any, Protocol, TextIO

from queue_server import logs


class Board(Protocol):
    """Where console output and progress go."""

    def publish_console(self, time: float, text: str) -> None:
        """Publish a chunk of console output; ``time`` in seconds since 1970-01-01 UTC."""
        ...

    def publish_progress(self, payload: Mapping[str, Any]) -> None:
        """Publish how far a running item is."""
        ...


class PrintingBoard:
    """Prints console output, and passes everything on."""

    def __init__(self, board: Board, stream: TextIO) -> None:
        self._board = board
        self._stream = stream

    def publish_console(self, time: float, text: str) -> None:
        """Print and publish a chunk of console output; a stream that nobody reads any more is left alone."""
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):
            # A terminal that is gone must not end what runs.
            pass
        self._board.publish_console(time, text)

    def publish_progress(self, payload: Mapping[str, Any]) -> None:
        """Publish how far a running item is."""
        self._board.publish_progress(payload)


def publish_log(stack: AsyncExitStack, board: Board) -> None:
    """Publish what is logged as console output, until the stack is closed."""
    loop = asyncio.get_running_loop()
    home = threading.get_ident()

    def publish(time: float, text: str) -> None:
        # Requests are handled in the thread of the store, and a socket belongs to one thread.
        if threading.get_ident() == home:
            board.publish_console(time, text)
        else:
            loop.call_soon_threadsafe(board.publish_console, time, text)

    handler = logs.NoticeHandler(publish)
    logging.getLogger().addHandler(handler)
    stack.callback(logging.getLogger().removeHandler, handler)
