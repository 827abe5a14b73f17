"""The directory of artifacts: where each file lies, who may use it, and whether there is room for more.

It makes directories and looks at files from outside; it neither reads nor writes any.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from queue_server.disk import sync_directory
from queue_server.protocol.errors import ParameterError, StorageError, StorageFullError

DIRECTORY = "artifacts"
DRAFTS = "drafts"
_SHARDS = tuple(f"{number:02x}" for number in range(256))
_ID = re.compile(r"[0-9a-f]{64}")
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class ArtifactDirectory(Struct, frozen=True):
    """The places of one data root: a file for each artifact, in 256 directories by its first byte, and the drafts."""

    path: Path

    @property
    def drafts(self) -> Path:
        """Where files are written before they are complete: in the same file system."""
        return self.path / DRAFTS

    def file(self, artifact_id: str) -> Path:
        """Return where the artifact lies, or would lie.

        Raises:
            ParameterError: that is not the id of an artifact.
        """
        check_id(artifact_id)
        return self.path / artifact_id[:2] / artifact_id

    def create(self) -> None:
        """Create all directories that are missing, for this user alone, and make their names durable.

        Raises:
            StorageError: that is not possible, or other users may use them.
        """
        try:
            for place in (self.path, self.drafts, *(self.path / shard for shard in _SHARDS)):
                _create(place)
            # Another process may have made them just now and not have come to this yet.
            sync_directory(self.path)
            sync_directory(self.path.parent)
            mode = self.path.stat().st_mode
        except OSError as error:
            raise _unusable(self.path, error) from error
        if mode & _OTHERS:
            raise StorageError(f"Other users may use the artifacts: run chmod 700 {self.path}")

    def check_room(self, size_bytes: int, reserve_bytes: int) -> None:
        """Refuse what would leave less than ``reserve_bytes`` of the disk free.

        Raises:
            StorageFullError: there is no such room; its details say how many bytes are free.
        """
        try:
            found = os.statvfs(self.drafts)
        except OSError as error:
            raise _unusable(self.path, error) from error
        free_bytes = found.f_bavail * found.f_frsize
        if free_bytes < size_bytes + reserve_bytes:
            raise StorageFullError(
                f"There is no room for {size_bytes} bytes more in {self.path}: {free_bytes} bytes are free, of which "
                f"{reserve_bytes} are kept. Free some space, then repeat it.",
                details={"free_bytes": free_bytes, "size_bytes": size_bytes, "reserve_bytes": reserve_bytes},
            )

    def ids(self) -> Iterator[str]:
        """Iterate over the ids of all artifacts in ascending order; what is added or removed meanwhile may be missed.

        Raises:
            StorageError: the directory cannot be read.
        """
        for shard in _SHARDS:
            try:
                names = sorted(os.listdir(self.path / shard))
            except OSError as error:
                raise _unusable(self.path / shard, error) from error
            yield from (name for name in names if _ID.fullmatch(name) and name.startswith(shard))


def check_id(artifact_id: str) -> None:
    """Refuse what is not the id of an artifact, and so might lead to another file.

    Raises:
        ParameterError: it is not of 64 hexadecimal digits in lower case.
    """
    if not _ID.fullmatch(artifact_id):
        raise ParameterError(
            f"{artifact_id[:80]!r} is not the id of an artifact: that is the SHA-256 of the file, 64 hexadecimal "
            "digits in lower case.",
            field="artifact_id",
        )


def storage_error(path: Path, error: OSError) -> StorageError:
    """Return what an error of the disk at ``path`` means."""
    if error.errno in _FULL:
        return StorageFullError(f"The disk of {path} is full. Free some space, then repeat it.")
    return StorageError(f"{path} cannot be used: {error.strerror}. Check the disk and who may use the directory.")


def _create(path: Path) -> None:
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        if not path.is_dir():
            raise
    else:
        # The mask of the process may have taken more away.
        path.chmod(0o700)


def _unusable(path: Path, error: OSError) -> StorageError:
    if error.errno in _FULL:
        return storage_error(path, error)
    return StorageError(
        f"The directory {path} cannot be used: {error.strerror}. Give this user access to it, or choose another data "
        "directory (--data)."
    )
