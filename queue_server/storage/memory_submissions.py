"""The work of a transaction on submissions in memory, the same as that of the statements on rows."""

from __future__ import annotations

from queue_server.protocol.items import Item
from queue_server.storage.memory_rows import MemoryRows
from queue_server.storage.tables import StoredItem


class FollowedTables(MemoryRows):
    """The part of a transaction that follows submissions; the promises are those of the port."""

    def living(self, submission: str) -> list[Item]:
        """Return the items of a submission that have not ended."""
        found = [stored.read() for stored in self._of(submission) if stored.item.state != "finished"]
        return sorted(found, key=lambda item: item.uid)

    def completed(self, submission: str) -> str | None:
        """Return the newest item of a submission that was completed."""
        ended = [stored for stored in self._of(submission) if stored.item.state == "finished"]
        entries = (stored.read_entry() for stored in sorted(ended, key=lambda stored: stored.number, reverse=True))
        return next((entry.item.uid for entry in entries if entry.result.get("exit_status") == "completed"), None)

    def _of(self, submission: str) -> list[StoredItem]:
        return [stored for stored in self._tables.items.values() if stored.item.submission == submission]
