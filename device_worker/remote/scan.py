"""One scan, as the program of a device sees it: what is asked for, how far it is, and the files that it has made.

Nothing is sent from here. A connection reads what there is to say, so that a scan goes on while there is none.
"""

from __future__ import annotations

import asyncio
import hashlib
import mimetypes
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from device_worker.remote.frames import Ticket

_PIECE_BYTES = 1024 * 1024
_UNKNOWN_TYPE = "application/octet-stream"


@dataclass(slots=True, eq=False)
class ScanFile:
    """A file of a scan: bytes, or a path that must stay as it is until the scan has been taken over."""

    name: str
    source: bytes | Path
    size_bytes: int
    sha256: str
    content_type: str
    is_confirmed: bool = False


class Scan:
    """What a start asks for, and what has come of it so far."""

    def __init__(self, start: Mapping[str, Any], changed: Callable[[], None]) -> None:
        self._start = start
        self._changed = changed
        self.ticket = Ticket(str(start["id"]), str(start["access_token"]))
        self.percent = 0
        self.files: list[ScanFile] = []
        self.error: str | None = None
        self.has_ended = False
        self.is_told = False

    @property
    def id(self) -> str:
        """The uid of the item in the queue."""
        return self.ticket.task_id

    @property
    def name(self) -> str:
        """What people call the scan."""
        return str(self._start.get("name", ""))

    @property
    def sequence(self) -> Mapping[str, Any]:
        """The sequence: name, type, and its text in ``seq_file``."""
        return self._map("sequence")

    @property
    def acquisition_parameter(self) -> Mapping[str, Any]:
        """Scaling, offset and rotation of the field of view."""
        return self._map("acquisition_parameter")

    @property
    def limits(self) -> Mapping[str, Any]:
        """What of the patient the device must respect; empty where nothing is known."""
        return self._map("acquisition_limits")

    @property
    def device_parameter(self) -> Mapping[str, Any]:
        """The parameters of the device as they are to be used."""
        return self._map("device_parameter")

    @property
    def header(self) -> str:
        """The header of the raw data as XML; empty if there is none."""
        return str(self._start.get("mrd_header") or "")

    def progress(self, percent: float) -> None:
        """Tell how far the scan is, from 0 to 100.

        Raises:
            ValueError: it is no such number.
        """
        if not 0 <= percent <= 100:
            raise ValueError(f"progress is a number from 0 to 100, not {percent!r}")
        self.percent = int(percent)
        self._changed()

    async def upload(self, name: str, content: bytes | Path | str, content_type: str | None = None) -> None:
        """Hand over a file of the scan; it is sent as soon as it can be, and again until it has arrived.

        Args:
            name: what it is called among the files of the scan.
            content: its bytes, or the path of a file that is not changed any more.
            content_type: what it is; guessed from the name by default.

        Raises:
            OSError: the file cannot be read.
            ValueError: the name is empty, or there is a file of that name already.
        """
        if not name or any(file.name == name for file in self.files):
            raise ValueError(f"a file of a scan has a name that no other one has, not {name!r}")
        source = content if isinstance(content, bytes) else Path(content)
        size_bytes, digest = await asyncio.to_thread(_measure, source)
        guessed = content_type or mimetypes.guess_type(name)[0] or _UNKNOWN_TYPE
        self.files.append(ScanFile(name, source, size_bytes, digest, guessed))
        self._changed()

    def end(self, error: str | None = None) -> None:
        """Note that the program has ended; with an error if it has failed."""
        if error is None:
            self.percent = 100
        self.error, self.has_ended = error, True
        self._changed()

    def confirm(self) -> None:
        """Note that the oldest file of which this was not known has arrived."""
        waiting = next((file for file in self.files if not file.is_confirmed), None)
        if waiting is not None:
            waiting.is_confirmed = True
            self._changed()

    def _map(self, name: str) -> Mapping[str, Any]:
        value = self._start.get(name)
        return value if isinstance(value, Mapping) else {}


def read_piece(source: bytes | Path, begin: int) -> bytes:
    """Return the next bytes of a file; none at its end."""
    if isinstance(source, bytes):
        return source[begin : begin + _PIECE_BYTES]
    with source.open("rb") as file:
        file.seek(begin)
        return file.read(_PIECE_BYTES)


def _measure(source: bytes | Path) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    while piece := read_piece(source, size):
        digest.update(piece)
        size += len(piece)
    return size, digest.hexdigest()
