"""Records every run in a file of its own, for which the plan waits: what was emitted survives the end of the process.

It decides which document belongs to which run. That a run is recorded is a promise: where it cannot be kept, the
document is refused with ``RecordError``, and the plan that emitted it fails.
"""

from __future__ import annotations

import hashlib
import logging
import re
import threading
from collections import OrderedDict
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from device_worker.documents.run_record import DISK, Disk, RecordError, RunRecord
from device_worker.documents.sync import Syncer
from device_worker.plain_value import show
from queue_server.protocol.documents import LONGEST_LINE_BYTES, write_line

_log = logging.getLogger(__name__)

RUNS = "runs"
"""The directory of all files, in the data directory."""

MOST_NAMES = 10_000
"""Files of runs that are over whose names are remembered."""

# By which key a document names what it belongs to: a run, or what belongs to one.
_OWNERS = {
    "descriptor": "run_start",
    "event": "descriptor",
    "event_page": "descriptor",
    "resource": "run_start",
    "datum": "resource",
    "datum_page": "resource",
    "stream_resource": "run_start",
    "stream_datum": "descriptor",
    "stop": "run_start",
}
_OWNING = frozenset(("start", "descriptor", "resource", "stream_resource"))
# Of so many of one uid the last ones cannot be anything but a mistake.
_MOST_REPEATS = 1000
_USABLE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")


class Recorder:
    """Takes documents from any thread, and writes each into the file of its run before it returns."""

    def __init__(self, root: Path, syncer: Syncer, disk: Disk = DISK) -> None:
        self._root = root
        self._syncer = syncer
        self._disk = disk
        self._guard = threading.Lock()
        self._records: OrderedDict[str, RunRecord] = OrderedDict()
        self._runs_of: dict[str, str] = {}
        self._names: OrderedDict[str, str] = OrderedDict()
        self._failure = ""

    def take(self, name: str, document: Mapping[str, Any]) -> None:
        """Record a document; with the first and the last of a run it waits for the disk.

        Raises:
            RecordError: it is not recorded, or not on the disk.
        """
        with self._guard:
            try:
                self._take(name, document)
            except RecordError as error:
                self._failure = self._failure or str(error)
                raise

    def name_of(self, run_uid: str) -> str:
        """Return where a run is recorded, relative to the data directory; empty if it is not known."""
        return self._names.get(run_uid, "")

    def settle(self) -> str:
        """Close what no ``stop`` has closed; return why something was not recorded since the last time, or nothing."""
        with self._guard:
            for uid in list(self._records):
                _log.warning("The run %s has no end: its record is closed", uid)
                self._end(uid)
            failure, self._failure = self._failure, ""
        return failure

    def close(self) -> None:
        """Wait for the disk no more."""
        self._syncer.close()

    def _take(self, name: str, document: Mapping[str, Any]) -> None:
        if name == "start":
            self._open(document)
            return
        uid = self._find_run(name, document)
        record = self._records.get(uid)
        if record is None:
            _log.error("A document (%s) belongs to no open run and is not recorded", name)
            return
        if name in _OWNING:
            self._runs_of[str(document["uid"])] = uid
        if name == "stop":
            self._close(uid, record, document)
            return
        try:
            line = _write(name, document)
        except RecordError as error:
            record.refuse(str(error))
            raise
        record.append(line)
        if not record.is_dirty:
            self._syncer.note(record)

    def _find_run(self, name: str, document: Mapping[str, Any]) -> str:
        uid = self._runs_of.get(document.get(_OWNERS.get(name, ""), ""))
        if uid is None:
            # Files of older detectors do not name their run: it is the one that was opened last.
            return next(reversed(self._records), "")
        return uid

    def _open(self, start: Mapping[str, Any]) -> None:
        uid = str(start["uid"])
        line = _write("start", start)
        if uid in self._records:
            raise RecordError(f"The run {uid} is open already, and there is another with the same uid")
        record = self._make_record(self._root / RUNS / _month(start), uid)
        try:
            record.append(line)
            record.sync_name()
        except RecordError:
            record.close()
            raise
        self._records[uid] = record
        self._runs_of[uid] = uid
        self._names[uid] = str(record.path.relative_to(self._root))
        if len(self._names) > MOST_NAMES:
            self._names.popitem(last=False)

    def _make_record(self, directory: Path, uid: str) -> RunRecord:
        stem = name_file(uid)
        try:
            for number in range(1, _MOST_REPEATS):
                try:
                    return RunRecord(
                        directory / (f"{stem}.jsonl" if number == 1 else f"{stem}.{number}.jsonl"), self._disk
                    )
                except FileExistsError:
                    _log.warning("There is a record of the run %s already; this one is another", uid)
        except OSError as error:
            raise RecordError(f"A run cannot be recorded in {directory}: {error.strerror or error}") from error
        raise RecordError(f"There are {_MOST_REPEATS} records of the run {uid} in {directory} already")

    def _close(self, uid: str, record: RunRecord, stop: Mapping[str, Any]) -> None:
        try:
            record.append_last(_write("stop", stop))
            if not record.failure:
                record.sync()
        finally:
            self._end(uid)
        if record.failure:
            raise RecordError(record.failure)

    def _end(self, uid: str) -> None:
        record = self._records.pop(uid)
        record.close()
        self._failure = self._failure or record.failure
        self._runs_of = {owned: run for owned, run in self._runs_of.items() if run != uid}


def name_file(uid: str) -> str:
    """Return the name of the file of a run without its ending; a uid that cannot be one is told by its digest."""
    return uid if _USABLE.fullmatch(uid) else f"uid-{hashlib.sha256(uid.encode(errors='backslashreplace')).hexdigest()}"


def _month(start: Mapping[str, Any]) -> str:
    try:
        time = datetime.fromtimestamp(float(start["time"]), UTC)
    except (KeyError, TypeError, ValueError, OverflowError, OSError) as error:
        raise RecordError(f"The start document {start.get('uid')} does not say when the run begins") from error
    return f"{time:%Y-%m}"


def _write(name: str, document: Mapping[str, Any]) -> bytes:
    try:
        line = write_line(name, document, show)
    except ValueError as error:
        raise RecordError(f"A document ({name}) cannot be recorded: {error}") from error
    if len(line) > LONGEST_LINE_BYTES:
        raise RecordError(
            f"A document ({name}) takes {len(line)} bytes, and at most {LONGEST_LINE_BYTES} are recorded: let the "
            "detector write a file of its own, and refer to that"
        )
    return line
