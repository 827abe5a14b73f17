"""A look at all of a large database while a manager serves: what a start has not read, in a thread of its own.

It only reads, a few rows at a time, and tells what it finds; what is damaged is refused to its readers in any case.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from queue_server.clock import Clock
from queue_server.protocol.errors import CuelightError, StorageError
from queue_server.storage.checksums import DamagedRecordError, DamagedRowError, restore_hint
from queue_server.storage.database import Database
from queue_server.storage.integrity import MOST_FAULTS, WHOLE_AT_START_BYTES, open_reader
from queue_server.storage.migrate import schema_version
from queue_server.storage.sql import Row, statement

logger = logging.getLogger(__name__)

ROWS_AT_ONCE = 200
STOP_PATIENCE_S = 5.0

_BEFORE_ALL = -(1 << 63)
# By table: since which version of the schema there is one, the statement for a part of it, and the key before all.
# None: a start has compared all rows with their checksums, or they have none because they only find others.
_TABLES: dict[str, tuple[int, str | None, Row]] = {
    "items": (3, statement("check_part_of_items"), (_BEFORE_ALL,)),
    "attempts": (3, statement("check_part_of_attempts"), ("", 0)),
    "runs": (3, statement("check_part_of_runs"), (_BEFORE_ALL,)),
    "events": (3, statement("check_part_of_events"), (_BEFORE_ALL,)),
    "edits": (4, statement("check_part_of_edits"), (_BEFORE_ALL,)),
    "replies": (3, statement("check_part_of_replies"), (_BEFORE_ALL,)),
    "meta": (3, None, ()),
    "documents": (3, None, ()),
    "tasks": (3, None, ()),
    "history_index": (4, None, ()),
    "exams": (5, statement("check_part_of_exams"), (_BEFORE_ALL,)),
    "exam_workflows": (5, statement("check_part_of_exam_workflows"), (_BEFORE_ALL,)),
    "exam_tasks": (5, statement("check_part_of_exam_tasks"), (_BEFORE_ALL,)),
    "exam_results": (5, statement("check_part_of_exam_results"), (_BEFORE_ALL,)),
    "exam_sequences": (5, statement("check_part_of_exam_sequences"), (_BEFORE_ALL,)),
    "exam_sequence_files": (5, statement("check_part_of_exam_sequence_files"), (_BEFORE_ALL,)),
    "devices": (6, statement("check_part_of_devices"), (_BEFORE_ALL,)),
    "submissions": (7, statement("check_part_of_submissions"), (_BEFORE_ALL,)),
    "results": (7, statement("check_part_of_results"), ("", 0)),
    "workflows": (8, statement("check_part_of_workflows"), (_BEFORE_ALL,)),
    "workflow_versions": (8, statement("check_part_of_workflow_versions"), (_BEFORE_ALL,)),
    "workflow_groups": (8, statement("check_part_of_workflow_groups"), (_BEFORE_ALL,)),
    "workflow_postprocessing": (8, statement("check_part_of_workflow_postprocessing"), (_BEFORE_ALL,)),
    "ranks": (8, None, ()),
    "batches": (9, statement("check_part_of_batches"), (_BEFORE_ALL,)),
    "answers": (9, statement("check_part_of_answers"), (_BEFORE_ALL,)),
    "recordings": (10, statement("check_part_of_recordings"), (_BEFORE_ALL,)),
    "files": (11, statement("check_part_of_files"), (_BEFORE_ALL,)),
    "artifact_names": (11, None, ()),
}


class Examination:
    """Looks once at all pages, indexes and rows of a database that others write into."""

    def __init__(self, file: Path, clock: Clock, *, larger_than: int = WHOLE_AT_START_BYTES) -> None:
        self._file = file
        self._clock = clock
        self._larger_than = larger_than
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="examination", daemon=True)
        self._guard = threading.Lock()
        self._database: Database | None = None
        self.faults: list[str] = []

    def begin(self) -> None:
        """Start to look, unless the database is so small that a start has seen all of it."""
        if self._file.stat().st_size > self._larger_than:
            self._thread.start()

    def wait(self) -> None:
        """Return when all was looked at."""
        self._thread.join()

    def stop(self) -> None:
        """Look no further."""
        self._stopping.set()
        with self._guard:
            if self._database is not None:
                self._database.interrupt()
        if self._thread.is_alive():
            self._thread.join(STOP_PATIENCE_S)

    def _run(self) -> None:
        for table in _TABLES:
            try:
                for fault in self._find_in(table):
                    self._tell(fault)
            except CuelightError as error:
                if not self._stopping.is_set():
                    self._tell(error.message)
            if self._stopping.is_set():
                return
        if not self.faults:
            logger.info("All of %s was examined, and nothing is damaged", self._file)

    def _tell(self, fault: str) -> None:
        hint = restore_hint(str(self._file))
        self.faults.append(fault)
        logger.error(
            "%s is damaged: %s. What is damaged is refused to its readers, and everything else goes on; there will be "
            "no new backups. %s",
            self._file,
            fault.removesuffix(hint).strip().removesuffix("."),
            hint,
        )

    def _find_in(self, table: str) -> Iterator[str]:
        # A connection that has met a damaged page is of no use any more.
        with closing(open_reader(self._file)) as database:
            self._take(database)
            try:
                yield from self._find_with(database, table)
            finally:
                self._take(None)

    def _take(self, database: Database | None) -> None:
        with self._guard:
            self._database = database
        if self._stopping.is_set():
            raise StorageError("The examination ends.")

    def _find_with(self, database: Database, table: str) -> Iterator[str]:
        since, text, key = _TABLES[table]
        if schema_version(database) < since:
            return
        # Table by table: the log cannot be cut back as long as somebody reads an old state.
        found = database.rows(f"PRAGMA integrity_check('{table}')")[:MOST_FAULTS]
        damage = [fault for (fault,) in found if fault != "ok"]
        yield from damage
        if text is not None and not damage:
            yield from self._find_in_rows(database, text, key)

    def _find_in_rows(self, database: Database, text: str, key: Row) -> Iterator[str]:
        pause_s = 0.0
        # At most half of the time, for nothing else of this process runs while checksums are computed.
        while not self._stopping.wait(pause_s):
            began = self._clock.monotonic()
            try:
                rows = database.rows(text, (*key, ROWS_AT_ONCE))
            except (DamagedRowError, DamagedRecordError) as error:
                yield error.message
                return
            if not rows:
                return
            key = rows[-1]
            pause_s = self._clock.monotonic() - began
