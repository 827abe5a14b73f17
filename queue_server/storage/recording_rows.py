"""The index of recorded runs as rows: what statements do to its table."""

from __future__ import annotations

from queue_server.protocol.items import AttemptKey
from queue_server.protocol.recordings import RecordedRun, RunEnd, RunFilter
from queue_server.storage import content
from queue_server.storage.database import Rows
from queue_server.storage.recording_base import RecordingPart
from queue_server.storage.recording_search import RecordingKey, plan_recording_search, take_recordings
from queue_server.storage.sql import Row, statement

INSERT_RECORDING = statement("insert_recording")
SELECT_OPEN_RECORDING = statement("select_open_recording")
CLOSE_RECORDING = statement("close_recording")
SELECT_RECORDING = statement("select_recording")
FIND_RECORDING = statement("find_recording")
SELECT_SAME_RECORDING = statement("select_same_recording")
FIND_RECORDINGS = statement("find_recordings")
FIND_RECORDINGS_OF: dict[RecordingKey, str] = {
    "item_uid": statement("find_recordings_of_item"),
    "submission": statement("find_recordings_of_submission"),
    "scan_id": statement("find_recordings_of_scan"),
    "plan_name": statement("find_recordings_of_plan"),
    "lane": statement("find_recordings_of_lane"),
}


class RecordedRunRows(Rows):
    """The part of a transaction that works on the index of runs; the promises are those of the port."""

    def open_recording(self, run: RecordedRun) -> None:
        """Write a run that has begun."""
        key = run.attempt
        whose = (run.uid, key.submission, key.number, key.item_uid, key.lane, key.epoch)
        what = (run.scan_id, run.plan_name, run.file, run.host, float(run.time_start))
        self._database.rows(INSERT_RECORDING, (*whose, *what))

    def close_recording(self, uid: str, attempt: AttemptKey, end: RunEnd) -> bool:
        """Write how a run has ended."""
        found = self._database.row(SELECT_OPEN_RECORDING, (uid, attempt.submission, attempt.number))
        if found is None:
            return False
        row = (float(end.time_stop), end.exit_status, content.encode(end.num_events), found[0])
        self._database.rows(CLOSE_RECORDING, row)
        return True

    def recording(self, uid: str) -> RecordedRun | None:
        """Return the newest run of a uid."""
        found = self._database.row(FIND_RECORDING, (uid,))
        return None if found is None else self._recording_at(found[0])

    def has_recording(self, run: RecordedRun) -> bool:
        """Return whether there is such a run."""
        identity = (run.uid, run.attempt.submission, run.attempt.number, run.file)
        return bool(self._database.rows(SELECT_SAME_RECORDING, identity))

    def find_recordings(self, wanted: RunFilter, *, limit: int, cursor: str | None = None) -> RecordingPart:
        """Return a part of the runs that fit."""
        search = plan_recording_search(wanted, limit, cursor)
        bounds = (*search.before, search.time_from, search.at_most + 1)
        if search.key is None:
            rows = self._database.rows(FIND_RECORDINGS, bounds)
        else:
            rows = self._database.rows(FIND_RECORDINGS_OF[search.key], (*bounds, search.value))
        return take_recordings([self._recording_at(place) for _, place in rows], wanted, limit, search)

    def _recording_at(self, place: int) -> RecordedRun:
        [row] = self._database.rows(SELECT_RECORDING, (place,))
        return _read_recording(row)


def _read_recording(row: Row) -> RecordedRun:
    place, uid, item_uid, submission, lane, number, epoch, time_start, scan_id, plan_name, file, host = row[:12]
    exit_status, time_stop, num_events = row[12:]
    return RecordedRun(
        uid=uid,
        attempt=AttemptKey(item_uid, submission, lane, number, epoch),
        time_start=time_start,
        scan_id=scan_id,
        plan_name=plan_name,
        file=file,
        host=host,
        end=None if exit_status is None else RunEnd(exit_status, time_stop, content.decode(num_events)),
        place=place,
    )
