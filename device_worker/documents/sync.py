"""A thread that waits for the disk, so that what a run has recorded survives a loss of power and no plan waits."""

from __future__ import annotations

import logging
import threading

from device_worker.documents.run_record import RecordError, RunRecord

_log = logging.getLogger(__name__)

SYNC_EACH_S = 0.5
"""What a loss of power may take of a run: the documents of so many seconds, and those of the sync under way."""


class Syncer:
    """Takes the records in which something was written since it last waited for them."""

    def __init__(self, each_s: float = SYNC_EACH_S) -> None:
        self._each_s = each_s
        self._changed = threading.Condition()
        self._dirty: list[RunRecord] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="record-sync", daemon=True)

    def start(self) -> None:
        """Begin to wait for the disk."""
        self._thread.start()

    def note(self, record: RunRecord) -> None:
        """Take a record in which something was written."""
        if record.is_dirty:
            return
        record.is_dirty = True
        with self._changed:
            self._dirty.append(record)
            self._changed.notify()

    def close(self) -> None:
        """End the thread; records that are still open are no longer waited for."""
        self._ended.set()
        with self._changed:
            self._changed.notify()
        self._thread.join()

    def _serve(self) -> None:
        while not self._ended.is_set():
            for record in self._take():
                try:
                    record.sync()
                except RecordError as error:
                    # The next document of this run is refused.
                    _log.error("%s", error)
            self._ended.wait(self._each_s)

    def _take(self) -> list[RunRecord]:
        with self._changed:
            self._changed.wait_for(lambda: self._dirty or self._ended.is_set())
            dirty, self._dirty = self._dirty, []
        return dirty
