"""Removes artifacts that nothing refers to, once they are old enough. What is referred to, it is told."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Collection
from pathlib import Path

from msgspec import Struct

from queue_server.artifacts.directory import ArtifactDirectory, storage_error
from queue_server.artifacts.usage import StoredFile, list_files
from queue_server.disk import sync_directory

logger = logging.getLogger(__name__)

_ASIDE = ".swept"


class Swept(Struct, frozen=True):
    """What lies in a directory, what nothing refers to, and what of that was removed, as numbers and bytes."""

    files: int = 0
    size_bytes: int = 0
    unreferenced_files: int = 0
    unreferenced_bytes: int = 0
    removed_files: int = 0
    removed_bytes: int = 0
    removed: tuple[str, ...] = ()


def sweep(
    directory: ArtifactDirectory, find_referenced: Callable[[], Collection[str]], stored_before: float | None
) -> Swept:
    """Remove what nothing refers to and was stored before a time, in seconds since 1970-01-01 UTC; None: only count.

    ``find_referenced`` is called after the look at the directory, so that whatever refers to one of the files in it
    is seen.

    Raises:
        StorageError: the directory cannot be read or written.
    """
    _put_back_all(directory)
    files = list(list_files(directory))
    referenced = find_referenced()
    alone = [file for file in files if file.artifact_id not in referenced]
    going = [file for file in alone if stored_before is not None and file.modified < stored_before]
    removed = [file for file in going if _remove(directory, file)]
    for shard in sorted({directory.file(file.artifact_id).parent for file in removed}):
        sync_directory(shard)
    return Swept(
        *_sum(files),
        *_sum(alone),
        *_sum(removed),
        removed=tuple(file.artifact_id for file in removed),
    )


def _sum(files: Collection[StoredFile]) -> tuple[int, int]:
    return len(files), sum(file.size_bytes for file in files)


def _remove(directory: ArtifactDirectory, file: StoredFile) -> bool:
    """Remove a file unless the same bytes were stored anew meanwhile."""
    path = directory.file(file.artifact_id)
    aside = path.with_name(path.name + _ASIDE)
    try:
        # A name cannot be compared and taken away at once: what has come in the place of the file is put back.
        path.rename(aside)
        is_old = os.stat(aside, follow_symlinks=False).st_mtime == file.modified
        if is_old:
            aside.unlink()
        else:
            _put_back(aside)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise storage_error(path, error) from error
    if is_old:
        logger.info("The artifact %s was removed: nothing refers to it", file.artifact_id)
    return is_old


def _put_back_all(directory: ArtifactDirectory) -> None:
    """Put back what an earlier sweep had taken aside when its process ended."""
    try:
        for aside in directory.path.glob(f"??/*{_ASIDE}"):
            _put_back(aside)
    except OSError as error:
        raise storage_error(directory.path, error) from error


def _put_back(aside: Path) -> None:
    path = aside.with_name(aside.name.removesuffix(_ASIDE))
    if path.exists():
        aside.unlink(missing_ok=True)
    else:
        aside.rename(path)
