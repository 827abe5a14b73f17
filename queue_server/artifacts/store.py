"""The store of artifacts below a data root: written, found, read, checked, removed and listed by their ids.

Several processes may use the same root at once. It keeps no records: who may read an artifact, what it is called and
when it is no longer needed is known to the manager's store.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from typing import Final

from queue_server.artifacts.directory import DIRECTORY, ArtifactDirectory, storage_error
from queue_server.artifacts.drafts import sweep_drafts
from queue_server.artifacts.expectation import Expectation
from queue_server.artifacts.reader import ArtifactReader, damaged
from queue_server.artifacts.usage import Quota
from queue_server.artifacts.writer import ArtifactWriter, Surroundings
from queue_server.clock import Chance, Clock, SystemClock
from queue_server.disk import sync_directory
from queue_server.protocol.errors import NotFoundError

RESERVE_BYTES: Final = 64 * 1024**2
"""What artifacts leave free on the disk, since the queue is on it too."""


def open_artifacts(
    data: Path, *, clock: Clock | None = None, chance: Chance | None = None, reserve_bytes: int = RESERVE_BYTES
) -> ArtifactStore:
    """Open the artifacts of the data root ``data``, create their directory if there is none, and sweep it.

    Drafts of processes that have died are removed, and those of writers that live are not.

    Raises:
        StorageError: ``data`` does not exist or cannot be used, or other users may use the artifacts.
    """
    directory = ArtifactDirectory(data / DIRECTORY)
    directory.create()
    try:
        sweep_drafts(directory.drafts)
    except OSError as error:
        raise storage_error(directory.drafts, error) from error
    clock = clock or SystemClock()
    return ArtifactStore(Surroundings(directory, reserve_bytes, Quota(directory, clock), clock, chance or Chance()))


class ArtifactStore:
    """The artifacts of one data root; any thread may call any method.

    Every method waits for the disk, so that an event loop calls it through a thread. An artifact is known by the
    SHA-256 of its bytes, 64 hexadecimal digits in lower case.
    """

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        self._directory = surroundings.directory

    def begin(self, expectation: Expectation | None = None) -> ArtifactWriter:
        """Return a writer for one artifact, of which size, checksum and media type may be known.

        Raises:
            ParameterError: no artifact can be what is expected, or it is larger than the limit.
            StorageFullError: there is no room for it; nothing was written.
            StorageError: the directory cannot be written to.
        """
        expected = expectation or Expectation()
        expected.check()
        self._directory.check_room(expected.size_bytes or 0, self._surroundings.reserve_bytes)
        self._surroundings.quota.check(expected.size_bytes or 0)
        return ArtifactWriter(self._surroundings, expected)

    def open(self, artifact_id: str) -> ArtifactReader:
        """Return a reader of the artifact; close it, or use it in a ``with`` block.

        Raises:
            ParameterError: that is not the id of an artifact.
            NotFoundError: there is no such artifact.
            DamagedArtifactError: what is in its place is not a file.
            StorageError: it cannot be opened.
        """
        return ArtifactReader(artifact_id, self._open_file(artifact_id))

    def size(self, artifact_id: str) -> int:
        """Return the length of the artifact's file in bytes, without a look at its content.

        Raises:
            as ``open``.
        """
        with self.open(artifact_id) as reader:
            return reader.size_bytes

    def contains(self, artifact_id: str) -> bool:
        """Return whether there is such an artifact, sound or damaged.

        Raises:
            ParameterError: that is not the id of an artifact.
        """
        return self._directory.file(artifact_id).exists()

    def verify(self, artifact_id: str) -> None:
        """Read the whole artifact and compare it with its id.

        Raises:
            DamagedArtifactError: it is not what was written.
            and as ``open``.
        """
        with self.open(artifact_id) as reader:
            reader.check()

    def locate(self, artifact_id: str) -> Path:
        """Verify the artifact and return its path, for libraries that read files themselves; nobody may change it.

        Raises:
            as ``verify``.
        """
        self.verify(artifact_id)
        return self._directory.file(artifact_id)

    def renew(self, artifact_id: str) -> None:
        """Count the artifact as stored now: no sweep that has seen it before removes it.

        Raises:
            ParameterError: that is not the id of an artifact.
            NotFoundError: there is no such artifact.
            StorageError: that is not possible.
        """
        file = self._directory.file(artifact_id)
        try:
            os.utime(file)
        except FileNotFoundError as error:
            raise _missing(artifact_id) from error
        except OSError as error:
            raise storage_error(file, error) from error

    def remove(self, artifact_id: str) -> None:
        """Remove the artifact durably; whoever reads it now can read on.

        Only the owner of the records can know that nothing refers to it, and that nobody stores the same bytes anew.

        Raises:
            ParameterError: that is not the id of an artifact.
            NotFoundError: there is no such artifact.
            StorageError: it cannot be removed.
        """
        file = self._directory.file(artifact_id)
        try:
            file.unlink()
            sync_directory(file.parent)
        except FileNotFoundError as error:
            raise _missing(artifact_id) from error
        except OSError as error:
            raise storage_error(file, error) from error

    def ids(self) -> Iterator[str]:
        """Iterate over the ids of all artifacts in ascending order; what is added or removed meanwhile may be missed.

        Raises:
            StorageError: the directory cannot be read.
        """
        return self._directory.ids()

    def _open_file(self, artifact_id: str) -> FileIO:
        file = self._directory.file(artifact_id)
        if file.is_symlink() or (file.exists() and not file.is_file()):
            raise damaged(artifact_id, "there is something else in the place of its file")
        try:
            return FileIO(file, "r")
        except FileNotFoundError as error:
            raise _missing(artifact_id) from error
        except OSError as error:
            raise storage_error(file, error) from error


def _missing(artifact_id: str) -> NotFoundError:
    return NotFoundError(f"There is no artifact {artifact_id}.", details={"artifact_id": artifact_id})
