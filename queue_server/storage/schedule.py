"""Backups while a manager serves: one after each interval in which something was changed, away from the event loop.

It decides when. How a backup is made it does not know.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from queue_server.clock import Clock
from queue_server.protocol.errors import StorageError
from queue_server.storage.backup import DIRECTORY, Backup, back_up, list_backups
from queue_server.storage.ballast import Ballast
from queue_server.storage.directory import DataDirectory
from queue_server.storage.examination import Examination
from queue_server.storage.sqlite import SqliteStore

logger = logging.getLogger(__name__)

SHORTEST_S = 1.0


class BackupSchedule:
    """Keeps the newest backup of a database younger than the interval, as long as anything changes."""

    def __init__(
        self, database: Path, directory: Path, commits: Callable[[], int], clock: Clock, *, interval_s: float, keep: int
    ) -> None:
        self._database = database
        self._directory = directory
        self._commits = commits
        self._clock = clock
        self._interval_s = interval_s
        self._keep = keep
        self._saved: int | None = None

    async def run(self) -> None:
        """Make backups until cancelled; one that fails is logged, and tried again after the next interval."""
        pause_s = self._first_pause_s()
        while True:
            await asyncio.sleep(pause_s)
            await self.make_if_due()
            pause_s = self._interval_s

    async def make_if_due(self) -> Backup | None:
        """Make a backup if anything was committed since the last one; return it, or None."""
        commits = self._commits()
        if commits == self._saved:
            return None
        try:
            made = await asyncio.to_thread(back_up, self._database, self._directory, keep=self._keep)
        except (StorageError, RuntimeError):
            # There may be no thread for it now; the next time there may be one.
            logger.exception("There is no new backup; the older ones in %s are kept.", self._directory)
            return None
        self._saved = commits
        logger.info("A backup was made: %s", made.file)
        return made

    def _first_pause_s(self) -> float:
        """Return when the first one is due: a manager that is restarted often must not put it off for ever."""
        # Without any, nothing is older than the marker, which is written once.
        since = next(iter(list_backups(self._directory)), DataDirectory(self._database.parent).marker)
        age_s = self._clock.wall() - since.stat().st_mtime
        return max(SHORTEST_S, min(self._interval_s, self._interval_s - age_s))


@asynccontextmanager
async def guard_store(
    store: SqliteStore, data: Path, clock: Clock, interval_s: float, keep: int
) -> AsyncGenerator[Examination]:
    """Keep room for a full disk, and inside the block make backups into a directory beside the database.

    Yields:
        The look at what the start has not read; it is up to the caller when to begin with it.
    """
    store.attach(Ballast(data))
    database = DataDirectory(data).database
    schedule = BackupSchedule(
        database, data / DIRECTORY, lambda: store.commits, clock, interval_s=interval_s, keep=keep
    )
    running = asyncio.create_task(schedule.run(), name="backups")
    examination = Examination(database, clock)
    try:
        yield examination
    finally:
        examination.stop()
        running.cancel()
        await asyncio.wait({running})
