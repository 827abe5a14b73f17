"""Writing one artifact: bytes go into a draft, and the draft becomes the artifact only as a whole.

It knows no names and keeps no records: what it returns is registered by whoever asked for it.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from msgspec import Struct

from queue_server.artifacts.directory import ArtifactDirectory, storage_error
from queue_server.artifacts.drafts import create_draft
from queue_server.artifacts.expectation import Expectation
from queue_server.artifacts.usage import Quota
from queue_server.clock import Chance, Clock
from queue_server.disk import sync_directory
from queue_server.failpoints import declare, failpoint
from queue_server.protocol.errors import StateError
from queue_server.protocol.records import Artifact

logger = logging.getLogger(__name__)

declare("artifact.before_sync", "artifact.before_rename", "artifact.after_rename", "artifact.after_sync")

# After so many bytes what was written is brought to the disk, so that the end has little left to wait for, and the
# room is looked at again.
_STAGE_BYTES = 32 * 1024**2


class Surroundings(Struct, frozen=True):
    """What every writer of a store needs."""

    directory: ArtifactDirectory
    reserve_bytes: int
    quota: Quota
    clock: Clock
    chance: Chance


class ArtifactWriter:
    """An artifact that is being written, by one thread at a time.

    Use it in a ``with`` block: what is not committed at its end is discarded. Any error discards it at once.
    """

    def __init__(self, surroundings: Surroundings, expectation: Expectation) -> None:
        self._surroundings = surroundings
        self._expectation = expectation
        self._digest = hashlib.sha256()
        self._size_bytes = 0
        self._staged_bytes = 0
        directory = surroundings.directory
        try:
            self._path, self._file = create_draft(directory.drafts, surroundings.chance)
        except OSError as error:
            raise storage_error(directory.drafts, error) from error

    @property
    def size_bytes(self) -> int:
        """How many bytes were written."""
        return self._size_bytes

    @property
    def is_open(self) -> bool:
        """Whether it can be written to: neither committed nor discarded."""
        return not self._file.closed

    def write(self, piece: bytes | bytearray | memoryview) -> None:
        """Append bytes.

        Raises:
            ParameterError: there are more than was announced or is admitted; all of it is discarded.
            StorageError: the disk is full or has failed; all of it is discarded.
            StateError: it was committed or discarded before.
        """
        with self._kept_only_if_right():
            octets = memoryview(piece).cast("B")
            self._expectation.check_size(self._size_bytes + len(octets))
            self._append(octets)
            if self._size_bytes - self._staged_bytes >= _STAGE_BYTES:
                self._stage()

    def commit(self) -> Artifact:
        """Make the bytes an artifact, durably, and return it; what is there already is stored once.

        Raises:
            ParameterError: size or checksum are not those that were announced; nothing was stored.
            StorageError: the disk is full or has failed; the artifact may be there all the same, as a whole.
            StateError: it was committed or discarded before.
        """
        artifact_id = self._digest.hexdigest()
        with self._kept_only_if_right():
            self._expectation.check_end(self._size_bytes, artifact_id)
            self._surroundings.quota.check(self._size_bytes)
            self._publish(artifact_id)
        self._surroundings.quota.add(self._size_bytes)
        self._file.close()
        return Artifact(
            id=artifact_id,
            size_bytes=self._size_bytes,
            content_type=self._expectation.content_type,
            created=self._surroundings.clock.wall(),
        )

    def discard(self) -> None:
        """Forget what was written; does nothing after ``commit`` or a second time."""
        if not self.is_open:
            return
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            logger.warning("The draft %s cannot be removed now and is left to be swept: %s", self._path, error)
        finally:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()

    @contextmanager
    def _kept_only_if_right(self) -> Iterator[None]:
        if not self.is_open:
            raise StateError("This artifact was committed or discarded before; begin another one.")
        try:
            yield
        except OSError as error:
            self.discard()
            raise storage_error(self._surroundings.directory.path, error) from error
        except BaseException:
            self.discard()
            raise

    def _append(self, octets: memoryview) -> None:
        at = 0
        while at < len(octets):
            # A disk that is nearly full takes a part.
            at += self._file.write(octets[at:])
        self._digest.update(octets)
        self._size_bytes += len(octets)

    def _stage(self) -> None:
        os.fdatasync(self._file.fileno())
        self._staged_bytes = self._size_bytes
        self._surroundings.directory.check_room(0, self._surroundings.reserve_bytes)
        self._surroundings.quota.check(self._size_bytes)

    def _publish(self, artifact_id: str) -> None:
        file = self._surroundings.directory.file(artifact_id)
        failpoint("artifact.before_sync")
        os.fsync(self._file.fileno())
        failpoint("artifact.before_rename")
        # The same content may be there already. It is replaced all the same: what is there could be damaged, and its
        # name need not be durable yet. Whoever reads it goes on with the old file.
        self._path.replace(file)
        failpoint("artifact.after_rename")
        sync_directory(file.parent)
        failpoint("artifact.after_sync")
