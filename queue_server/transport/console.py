"""The output of workers on the standard output of the manager, for those who watch its terminal. Keeps nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TextIO


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
