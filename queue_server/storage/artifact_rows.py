"""What names artifacts, as rows: what statements do to its tables."""

from __future__ import annotations

from queue_server.protocol.artifacts import ArtifactFilter, NamedArtifact
from queue_server.protocol.cursors import BEHIND_ALL, read_place
from queue_server.protocol.errors import ConflictError
from queue_server.protocol.submissions import ResultFile
from queue_server.storage.artifact_base import ArtifactPart, count_examined, not_registered, take_part
from queue_server.storage.database import Rows
from queue_server.storage.sql import Row, statement
from queue_server.storage.submission_content import not_followed
from queue_server.storage.workflow_content import taken, write_file

INSERT_FILE = statement("insert_files")
DELETE_FILE = statement("delete_files_registered")
COUNT_FILES = statement("count_files_registered")
SELECT_FOLLOWED = statement("select_followed")
LIST_NAMES = statement("list_artifact_names")
LIST_OF_ARTIFACT = statement("list_artifact_names_of_artifact")
LIST_OF_SUBMISSION = statement("list_artifact_names_of_submission")


class ArtifactNames(Rows):
    """The part of a transaction that works on names of artifacts; the promises are those of the port."""

    def register_file(self, file: ResultFile, submission: str | None = None) -> None:
        """Register a file."""
        if submission is not None and self._database.row(SELECT_FOLLOWED, (submission,)) is None:
            raise not_followed(submission)
        try:
            self._database.rows(INSERT_FILE, write_file(file, submission=submission))
        except ConflictError as error:
            raise taken("a file", file.id) from error

    def unregister_file(self, identity: str) -> None:
        """Take a registration back."""
        if not self._database.change(DELETE_FILE, (identity,)):
            raise not_registered(identity)

    def count_registered(self, submission: str | None, most: int) -> int:
        """Return how many files are registered."""
        [(count,)] = self._database.rows(COUNT_FILES, (submission, most))
        return count

    def find_artifacts(self, wanted: ArtifactFilter, *, limit: int, cursor: str | None = None) -> ArtifactPart:
        """Return a part of the names that fit."""
        bounds = (read_place(cursor, BEHIND_ALL), count_examined(wanted, limit) + 1)
        if wanted.artifact_id is not None:
            rows = self._database.rows(LIST_OF_ARTIFACT, (*bounds, wanted.artifact_id))
        elif wanted.submission is not None:
            rows = self._database.rows(LIST_OF_SUBMISSION, (*bounds, wanted.submission))
        else:
            rows = self._database.rows(LIST_NAMES, bounds)
        return take_part([read_named(row) for row in rows], wanted, limit)


def read_named(row: Row) -> NamedArtifact:
    """Return the name of a row of place, kind, owner, submission, attempt, item, and the values of the file."""
    place, kind, owner, submission, attempt, item_uid, *file = row
    return NamedArtifact(kind, owner, ResultFile(*file), submission, attempt, item_uid, place)
