"""Captures what Python code of the process prints and logs: it still goes to the log file, and to a sink as well."""

from __future__ import annotations

import contextlib
import io
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, TextIO, cast

LINE_LIMIT_CHARS = 4096
LOG_FORMAT = "[%(levelname).1s %(asctime)s %(name)s] %(message)s"
OWN_LOGGERS = ("device_worker", "queue_server")


class Tee(io.TextIOBase):
    """A text stream that writes to another one, and hands whole lines to a sink.

    A line that has no end yet is handed over by ``flush``, as a progress bar does, or when it is long.
    """

    def __init__(self, original: TextIO, sink: Callable[[str], None]) -> None:
        super().__init__()
        self._original = original
        self._sink = sink
        self._line = ""
        # Reentrant: a signal handler or finaliser may print while the same thread is printing.
        self._guard = threading.RLock()

    def write(self, text: str, /) -> int:
        """Write to both; a log file on a full disk must not make a plan fail, so its errors are passed over."""
        with self._guard:
            with contextlib.suppress(OSError, ValueError):
                self._original.write(text)
            self._line += text
            end = len(self._line) if len(self._line) > LINE_LIMIT_CHARS else self._line.rfind("\n") + 1
            self._hand_over(end)
        return len(text)

    def flush(self) -> None:
        """Hand over an unfinished line, and flush the other stream."""
        with self._guard:
            self._hand_over(len(self._line))
            with contextlib.suppress(OSError, ValueError):
                self._original.flush()

    def _hand_over(self, end: int) -> None:
        if end:
            ready, self._line = self._line[:end], self._line[end:]
            self._sink(ready)

    def fileno(self) -> int:
        """Return the file descriptor of the other stream."""
        return self._original.fileno()

    def isatty(self) -> bool:
        """Tell that nobody types here."""
        return False

    def writable(self) -> bool:
        """Tell that it can be written to."""
        return True

    def __getattr__(self, name: str) -> Any:
        # Startup code may ask for anything that the standard streams have, such as ``reconfigure``.
        return getattr(self._original, name)

    @property
    def buffer(self) -> BinaryIO:
        """The bytes under the other stream, past the sink."""
        return self._original.buffer

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding of the other stream."""
        return self._original.encoding


@contextlib.contextmanager
def captured_console(sink: Callable[[str], None]) -> Iterator[None]:
    """Replace the standard streams by tees, and log through them, until the block ends."""
    originals = sys.stdout, sys.stderr
    for stream in originals:
        if isinstance(stream, io.TextIOWrapper):
            # Each line is in the log file at once, also when the process is killed.
            stream.reconfigure(line_buffering=True, errors="backslashreplace")
    sys.stdout, sys.stderr = (cast(TextIO, Tee(stream, sink)) for stream in originals)
    handler = _log_to(sys.stderr)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        logging.getLogger().removeHandler(handler)
        sys.stdout, sys.stderr = originals


def _log_to(stream: TextIO) -> logging.Handler:
    handler: logging.StreamHandler[Any] = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter(LOG_FORMAT))
    logging.getLogger().addHandler(handler)
    for name in OWN_LOGGERS:
        logging.getLogger(name).setLevel(logging.INFO)
    return handler
