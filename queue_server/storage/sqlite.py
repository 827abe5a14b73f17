"""The store on SQLite: one connection that writes, in one thread, on a data directory that this process has locked."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeVar

from queue_server.clock import Chance, Clock
from queue_server.failpoints import declare
from queue_server.protocol.errors import StorageError, StorageFullError
from queue_server.protocol.items import AttemptKey, Item, Result
from queue_server.storage.artifact_rows import ArtifactNames
from queue_server.storage.attempt_rows import AttemptRows
from queue_server.storage.ballast import Ballast
from queue_server.storage.base import Transaction
from queue_server.storage.batch_rows import RegisteredBatchRows
from queue_server.storage.device_rows import RegisteredDeviceRows
from queue_server.storage.directory import DataDirectory
from queue_server.storage.exam_rows import ExamRecordRows
from queue_server.storage.exchange_rows import ExchangeRows
from queue_server.storage.lock import DirectoryLock
from queue_server.storage.opening import Opened, open_database
from queue_server.storage.queue_rows import QueueRows
from queue_server.storage.ranking_rows import RankingRows
from queue_server.storage.recording_rows import RecordedRunRows
from queue_server.storage.sql import statement
from queue_server.storage.submission_rows import FollowedRows
from queue_server.storage.task_rows import TaskRows
from queue_server.storage.writer import Writer

logger = logging.getLogger(__name__)

T = TypeVar("T")

declare("store.begin", "store.before_commit", "store.after_commit")
declare("store.before_close", "store.after_close")

MARK_CLOSED = statement("mark_closed")


def open_sqlite(directory: Path, *, clock: Clock, chance: Chance, vfs: str | None = None) -> SqliteStore:
    """Lock a data directory, open or create its database, bring the schema up to date, and begin the next epoch.

    Args:
        directory: created if it does not exist, for this user alone.
        clock: gives the times that are recorded.
        chance: gives the identity of new data.
        vfs: the name of a virtual file system of SQLite that all files are opened through.

    Raises:
        DirectoryLockedError: another process uses the directory; nothing was changed.
        StorageError: something is missing, damaged, foreign, newer, or not writable; no data were changed.
    """
    files = DataDirectory(directory)
    files.create()
    lock = DirectoryLock.acquire(directory)
    try:
        return SqliteStore(open_database(files, clock, chance, vfs), lock)
    except BaseException:
        lock.release()
        raise


class SqliteTransaction(
    QueueRows,
    AttemptRows,
    ExchangeRows,
    TaskRows,
    ExamRecordRows,
    RegisteredDeviceRows,
    FollowedRows,
    RankingRows,
    RecordedRunRows,
    RegisteredBatchRows,
    ArtifactNames,
):
    """Everything that can be done to the store, as statements on its connection."""

    def finish(self, attempt: AttemptKey, result: Result) -> Item:
        """End an open attempt, and let the finished item be found."""
        item = super().finish(attempt, result)
        self.index_finished(item, result.outcome)
        return item

    def savepoint(self) -> AbstractContextManager[None]:
        """Undo what was done inside the block if it raises."""
        return self._database.savepoint()


class SqliteStore:
    """A data directory that this process owns alone; see the port for what it promises."""

    def __init__(self, opened: Opened, lock: DirectoryLock) -> None:
        self._instance_id = opened.instance_id
        self._epoch = opened.epoch
        self._database = opened.database
        self._lock = lock
        self._ballast: Ballast | None = None
        self._is_closed = False
        self._writer = Writer("store")

    @property
    def instance_id(self) -> str:
        """The identity of the stored data, for ever the same."""
        return self._instance_id

    @property
    def epoch(self) -> int:
        """The number of this opening, larger than that of every opening before."""
        return self._epoch

    @property
    def commits(self) -> int:
        """How many transactions have changed something since the store was opened."""
        return self._database.commits

    def attach(self, ballast: Ballast) -> None:
        """Take the room that is to be given up when the disk is full."""
        ballast.take()
        self._ballast = ballast

    def has_room(self) -> bool:
        """Whether changes that take room can be made: false from when the disk was found full until it is not."""
        return self._ballast is None or self._ballast.take_back()

    async def transact(self, work: Callable[[Transaction], T]) -> T:
        """Run ``work`` in one transaction in the thread of the store and return its result after the commit.

        If the caller is cancelled, the transaction may still be committed.

        Raises:
            StorageFullError: no space is left; nothing was changed.
            StorageError: the store cannot be used any more; the last commit stands.
            Exception: whatever ``work`` raised; nothing was changed.
        """
        if self._is_closed:
            raise StorageError("The store is closed.")
        return await self._writer.run(lambda: self._perform(work))

    def _perform(self, work: Callable[[Transaction], T]) -> T:
        database = self._database
        database.begin()
        try:
            database.pass_point("store.begin")
            answer = work(SqliteTransaction(database))
            database.pass_point("store.before_commit")
            database.commit()
        except StorageFullError:
            database.rollback()
            if self._ballast is not None:
                self._ballast.release()
            raise
        except BaseException:
            database.rollback()
            raise
        finally:
            database.end()
        database.pass_point("store.after_commit")
        if database.is_checkpoint_due:
            # Whoever waits for this commit need not wait for the log to be moved as well.
            self._writer.post(self._checkpoint)
        return answer

    def _checkpoint(self) -> None:
        if self._is_closed:
            return
        try:
            self._database.checkpoint()
        except StorageError:
            logger.exception("The log could not be moved into the main file.")

    async def close(self) -> None:
        """Finish what waits, leave the main file complete, and let go of the data directory."""
        if self._is_closed:
            return
        self._is_closed = True
        try:
            await self._writer.run(self._shut)
        finally:
            self._writer.stop()
            self._lock.release()

    def _shut(self) -> None:
        database = self._database
        try:
            database.pass_point("store.before_close")
            database.begin()
            database.rows(MARK_CLOSED)
            database.commit()
            is_complete = database.checkpoint()
            database.pass_point("store.after_close")
        except StorageError as error:
            logger.warning("The store was not closed in order; its log is kept.", exc_info=error)
            is_complete = False
        if not is_complete:
            database.keep_log()
        database.close()
