"""How much lies in a directory of artifacts, and whether its quota has room for more. It changes nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator

from msgspec import Struct

from queue_server.artifacts.directory import ArtifactDirectory, storage_error
from queue_server.artifacts.rules import read_rules
from queue_server.clock import Clock
from queue_server.protocol.errors import StorageFullError

FRESH_S = 60.0
"""How long a measurement counts: by what other processes store meanwhile, a quota can be overdrawn."""


class StoredFile(Struct, frozen=True):
    """An artifact as its file shows it; ``modified`` is when it was stored last, in seconds since 1970-01-01 UTC."""

    artifact_id: str
    size_bytes: int
    modified: float


def list_files(directory: ArtifactDirectory) -> Iterator[StoredFile]:
    """Iterate over all artifacts; what is added or removed meanwhile may be missed.

    Raises:
        StorageError: the directory cannot be read.
    """
    for artifact_id in directory.ids():
        file = directory.file(artifact_id)
        try:
            found = os.stat(file, follow_symlinks=False)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise storage_error(file, error) from error
        yield StoredFile(artifact_id, found.st_size, found.st_mtime)


class Quota:
    """Refuses what would overdraw the quota of a directory; any thread may ask."""

    def __init__(self, directory: ArtifactDirectory, clock: Clock) -> None:
        self._directory = directory
        self._clock = clock
        self._measured: tuple[float, int] | None = None

    def check(self, size_bytes: int) -> None:
        """Refuse so many bytes more if the quota has no room for them.

        Raises:
            StorageFullError: it has none; its details say how much is used.
            StorageError: the rules or the directory cannot be read.
        """
        quota_bytes = read_rules(self._directory.path).quota_bytes
        if quota_bytes is None:
            return
        used_bytes = self._used_bytes()
        if used_bytes + size_bytes > quota_bytes:
            raise StorageFullError(
                f"The quota of {self._directory.path} has no room for {size_bytes} bytes more: {used_bytes} of "
                f"{quota_bytes} are used. Remove what nobody needs (cuelight artifacts sweep), or raise the quota "
                "(cuelight artifacts limit).",
                details={"used_bytes": used_bytes, "quota_bytes": quota_bytes, "size_bytes": size_bytes},
            )

    def add(self, size_bytes: int) -> None:
        """Count what was stored."""
        if self._measured is not None:
            at_s, used_bytes = self._measured
            self._measured = (at_s, used_bytes + size_bytes)

    def _used_bytes(self) -> int:
        now_s = self._clock.monotonic()
        if self._measured is None or now_s - self._measured[0] > FRESH_S:
            self._measured = (now_s, sum(file.size_bytes for file in list_files(self._directory)))
        return self._measured[1]
