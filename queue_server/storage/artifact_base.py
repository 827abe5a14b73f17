"""The part of the store's port that knows what names artifacts: what every store promises of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from msgspec import Struct

from queue_server.protocol.artifacts import ArtifactFilter, NamedArtifact
from queue_server.protocol.errors import NotFoundError
from queue_server.protocol.submissions import ResultFile

ARTIFACT_WINDOW: Final = 1_000
"""Names that one search examines for what no index knows."""


class ArtifactPart(Struct, frozen=True):
    """A part of the names of artifacts, the newest first, and the cursor that goes on behind it; None at the end."""

    entries: list[NamedArtifact]
    cursor: str | None = None


class ArtifactNameRows(Protocol):
    """What can be done to names of artifacts, inside a transaction."""

    def register_file(self, file: ResultFile, submission: str | None = None) -> None:
        """Register a file; one of a submission goes with it.

        Raises:
            NotFoundError: there is no such submission.
            ConflictError: there is a file of that id.
        """
        ...

    def unregister_file(self, identity: str) -> None:
        """Take a registration back; the bytes are not touched.

        Raises:
            NotFoundError: no file of that id is registered.
        """
        ...

    def count_registered(self, submission: str | None, most: int) -> int:
        """Return how many files are registered for a submission, or for none; at most ``most``."""
        ...

    def find_artifacts(self, wanted: ArtifactFilter, *, limit: int, cursor: str | None = None) -> ArtifactPart:
        """Return the newest names that fit, at most ``limit`` (1 or more), beginning behind ``cursor``.

        Attempts of submissions are named by their results, and not by the history as well. A part may have fewer
        although there are more: one search examines a bounded number of names.

        Raises:
            ParameterError: no list gives such a cursor.
        """
        ...


def count_examined(wanted: ArtifactFilter, limit: int) -> int:
    """Return how many names one search examines: for what no index knows it looks at more than it returns."""
    looked_up = ArtifactFilter(artifact_id=wanted.artifact_id) if wanted.artifact_id else None
    looked_up = looked_up or ArtifactFilter(submission=wanted.submission)
    return limit if wanted == looked_up else ARTIFACT_WINDOW


def take_part(examined: Sequence[NamedArtifact], wanted: ArtifactFilter, limit: int) -> ArtifactPart:
    """Return the names that fit; ``examined`` has the newest first, one more than is looked at where there are more."""
    at_most = count_examined(wanted, limit)
    looked_at, has_more = examined[:at_most], len(examined) > at_most
    found: list[NamedArtifact] = []
    for number, named in enumerate(looked_at, 1):
        if wanted.fits(named):
            found.append(named)
        if len(found) == limit:
            is_last = number == len(looked_at) and not has_more
            return ArtifactPart(found, None if is_last else str(named.place))
    return ArtifactPart(found, str(looked_at[-1].place) if has_more else None)


def not_registered(identity: str) -> NotFoundError:
    """Return the error for a file that is not registered."""
    return NotFoundError(f"No file {identity!r:.100} is registered.")
