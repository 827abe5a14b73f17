"""The work of a transaction on the index of recorded runs in memory, the same as that of the statements on rows."""

from __future__ import annotations

from msgspec.structs import replace

from queue_server.protocol.items import AttemptKey
from queue_server.protocol.recordings import RecordedRun, RunEnd, RunFilter
from queue_server.storage.memory_rows import MemoryRows
from queue_server.storage.recording_base import RecordingPart
from queue_server.storage.recording_search import Spot, plan_recording_search, take_recordings


class RecordingTables(MemoryRows):
    """The part of a transaction that works on the index of runs; the promises are those of the port."""

    def open_recording(self, run: RecordedRun) -> None:
        """Write a run that has begun."""
        if self.has_recording(run):
            return
        place = self._tables.count("recordings")
        stored = replace(run, time_start=float(run.time_start), end=None, place=place)
        self._tables.put(self._tables.recordings, place, stored)

    def close_recording(self, uid: str, attempt: AttemptKey, end: RunEnd) -> bool:
        """Write how a run has ended."""
        whose = (uid, attempt.submission, attempt.number)
        for run in reversed(self._recordings()):
            if _identity(run)[:3] == whose and run.end is None:
                kept = replace(end, time_stop=float(end.time_stop), num_events=dict(end.num_events))
                self._tables.put(self._tables.recordings, run.place, replace(run, end=kept))
                return True
        return False

    def recording(self, uid: str) -> RecordedRun | None:
        """Return the newest run of a uid."""
        return next((run for run in reversed(self._recordings()) if run.uid == uid), None)

    def has_recording(self, run: RecordedRun) -> bool:
        """Return whether there is such a run."""
        return any(_identity(known) == _identity(run) for known in self._recordings())

    def find_recordings(self, wanted: RunFilter, *, limit: int, cursor: str | None = None) -> RecordingPart:
        """Return a part of the runs that fit."""
        search = plan_recording_search(wanted, limit, cursor)
        behind = [
            run
            for run in sorted(self._recordings(), key=_spot, reverse=True)
            if search.looked_up.fits(run) and _spot(run) < search.before and run.time_start >= search.time_from
        ]
        return take_recordings(behind[: search.at_most + 1], wanted, limit, search)

    def _recordings(self) -> list[RecordedRun]:
        return sorted(self._tables.recordings.values(), key=lambda run: run.place)


def _spot(run: RecordedRun) -> Spot:
    return run.time_start, run.place


def _identity(run: RecordedRun) -> tuple[str, str, int, str]:
    return run.uid, run.attempt.submission, run.attempt.number, run.file
