"""Submissions as rows: an item with all its copies, found by their index."""

from __future__ import annotations

from queue_server.protocol.items import Item
from queue_server.storage.database import Rows
from queue_server.storage.sql import read_items, statement

SELECT_LIVING = statement("select_living")
FIND_COMPLETED = statement("find_completed")


class FollowedRows(Rows):
    """The part of a transaction that follows submissions; the promises are those of the port."""

    def living(self, submission: str) -> list[Item]:
        """Return the items of a submission that have not ended."""
        return read_items(self._database.rows(SELECT_LIVING, (submission,)))

    def completed(self, submission: str) -> str | None:
        """Return the newest item of a submission that was completed."""
        found = self._database.row(FIND_COMPLETED, (submission,))
        return None if found is None else found[0]
