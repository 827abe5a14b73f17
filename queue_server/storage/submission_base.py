"""The part of the store's port that follows submissions: what every store promises of an item and all its copies."""

from __future__ import annotations

from typing import Protocol

from queue_server.protocol.items import Item


class SubmissionRows(Protocol):
    """What can be asked about a submission, inside a transaction."""

    def living(self, submission: str) -> list[Item]:
        """Return the items of a submission that are queued, held or running, by their uids."""
        ...

    def completed(self, submission: str) -> str | None:
        """Return the uid of the item of a submission that has ended as completed, the newest of several, or None."""
        ...
