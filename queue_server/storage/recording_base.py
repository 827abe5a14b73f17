"""The part of the store's port that keeps the index of recorded runs: what every store promises of it."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from queue_server.protocol.items import AttemptKey
from queue_server.protocol.recordings import RecordedRun, RunEnd, RunFilter


class RecordingPart(Struct, frozen=True):
    """A part of the runs, the newest first, and the cursor that goes on behind it; None at the end."""

    entries: list[RecordedRun]
    cursor: str | None = None


class RecordingRows(Protocol):
    """What can be done to the index of recorded runs, inside a transaction. It outlives the queue and the history."""

    def open_recording(self, run: RecordedRun) -> None:
        """Write a run that has begun; the same uid, attempt and file again changes nothing."""
        ...

    def close_recording(self, uid: str, attempt: AttemptKey, end: RunEnd) -> bool:
        """Write how the newest run of that uid in that attempt has ended; return False where none is open.

        Raises:
            DamagedRecordError: its row is damaged.
        """
        ...

    def recording(self, uid: str) -> RecordedRun | None:
        """Return the newest run of a uid, or None."""
        ...

    def has_recording(self, run: RecordedRun) -> bool:
        """Return whether the index has a run of the same uid, attempt and file."""
        ...

    def find_recordings(self, wanted: RunFilter, *, limit: int, cursor: str | None = None) -> RecordingPart:
        """Return the newest runs that fit, at most ``limit`` (1 or more), beginning behind ``cursor``.

        A part may have fewer although there are more: one search examines a bounded number of runs.

        Raises:
            ParameterError: no list gives such a cursor.
        """
        ...
