"""Where the documents of a recorded run are on this host, opened so that no link leads elsewhere. Writes nothing."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Generator, Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Any, Final, Self

from queue_server.protocol.errors import NotFoundError, RunFileError

PIECE_BYTES: Final = 256 * 1024
"""How much of a file is read at once."""


RUN_PLACE = re.compile(r"runs/[0-9]{4}-[0-9]{2}/[^/\x00]{1,240}\.jsonl")
"""Where the file of a run is, below a data directory; as protocol.run_reports has it, without what pydantic costs."""
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


class RunFile:
    """The open file of a run. ``path`` leads to it as long as it is open, whatever becomes of its name."""

    def __init__(self, descriptor: int, name: str) -> None:
        self._descriptor = descriptor
        self.name = name
        self.size_bytes = os.fstat(descriptor).st_size

    @property
    def path(self) -> Path:
        """Where it can be read from the beginning."""
        return Path(f"/proc/self/fd/{self._descriptor}")

    def pieces(self, start: int = 0, stop: int | None = None) -> Generator[bytes]:
        """Yield the bytes from ``start`` to before ``stop``: without it, to where the file ended when it was opened."""
        end = self.size_bytes if stop is None else min(stop, self.size_bytes)
        while start < end and (piece := os.pread(self._descriptor, min(PIECE_BYTES, end - start), start)):
            yield piece
            start += len(piece)

    def close(self) -> None:
        """Close it; a second call does nothing."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        # Whoever streams it to somebody who goes away has no chance to close it.
        with suppress(OSError, AttributeError):
            self.close()


def open_run_file(data: Path, run: Mapping[str, Any]) -> RunFile:
    """Open the file of a run below a data directory; ``run`` is what the manager tells of it.

    Raises:
        NotFoundError: it is not recorded, or not here; the message says where it is.
        RunFileError: what is in its place is no ordinary file, or cannot be read.
    """
    uid, place, host = str(run.get("uid", "")), str(run.get("file", "")), str(run.get("host", ""))
    if not place:
        raise NotFoundError(f"The documents of the run {uid} were not recorded in a file.")
    if host:
        raise NotFoundError(
            f"The documents of the run {uid} are on the host {host}: {place} in the data directory of its worker.",
            details={"host": host, "file": place},
        )
    if not RUN_PLACE.fullmatch(place):
        raise RunFileError(f"The index names a place for the run {uid} in which no run can be: {place!r:.300}.")
    try:
        return RunFile(_open_below(data, PurePosixPath(place)), PurePosixPath(place).name)
    except FileNotFoundError as error:
        raise NotFoundError(
            f"The documents of the run {uid} are not in {data / place}: name the data directory of its manager, or "
            "bring the file back from a copy."
        ) from error
    except OSError as error:
        raise RunFileError(f"The documents of the run {uid} cannot be read: {error.strerror or error}.") from error


def _open_below(data: Path, place: PurePosixPath) -> int:
    """Return a descriptor; only the data directory itself may be reached through a link."""
    at = os.open(data, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for name in place.parts[:-1]:
            below = os.open(name, _FLAGS | os.O_DIRECTORY, dir_fd=at)
            os.close(at)
            at = below
        found = os.open(place.name, _FLAGS, dir_fd=at)
    finally:
        os.close(at)
    if not stat.S_ISREG(os.fstat(found).st_mode):
        os.close(found)
        raise OSError(errno.EINVAL, "it is no ordinary file")
    return found
