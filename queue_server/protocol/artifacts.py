"""What stored records call an artifact: its names, and how they are looked for. It knows no store."""

from __future__ import annotations

from typing import Any, Final, Literal

from msgspec import Struct

from queue_server.protocol.submissions import ResultFile

NamedBy = Literal["registered", "group", "result", "item", "exam"]
"""By a registration, a file of a group, the result of an attempt, an item of the history, or one of an exam task."""

MOST_REGISTERED_FILES: Final = 10_000
"""Files that are registered for one submission, or for none."""


class NamedArtifact(Struct, frozen=True):
    """An artifact as one record names it.

    ``owner`` is the id of the group, of the submission, of the item or of the exam result; ``file.id`` is empty where
    the record gives none.
    """

    kind: NamedBy
    owner: str
    file: ResultFile
    submission: str = ""
    attempt: int = 0
    item_uid: str = ""
    place: int = 0

    def shown(self) -> dict[str, Any]:
        """Return the map that clients see."""
        return {
            **self.file.shown(),
            "kind": self.kind,
            "submission_id": self.submission or None,
            "attempt": self.attempt or None,
            "item_uid": self.item_uid or None,
            "group_id": self.owner if self.kind == "group" else None,
            "exam_result_id": self.owner if self.kind == "exam" else None,
        }


class ArtifactFilter(Struct, frozen=True):
    """Which names are wanted; what is None may be anything."""

    artifact_id: str | None = None
    submission: str | None = None
    attempt: int | None = None
    name: str | None = None
    content_type: str | None = None

    def fits(self, named: NamedArtifact) -> bool:
        """Whether a name is wanted."""
        pairs = (
            (self.artifact_id, named.file.artifact_id),
            (self.submission, named.submission),
            (self.attempt, named.attempt),
            (self.name, named.file.name),
            (self.content_type, named.file.content_type),
        )
        return all(wanted is None or wanted == found for wanted, found in pairs)
