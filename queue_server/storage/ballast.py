"""A file that only takes room: given up when the disk is full, so that what must be written then can be.

It knows nothing of the database beside it.
"""

from __future__ import annotations

import errno
import logging
import os
from pathlib import Path

from queue_server.disk import sync_directory

logger = logging.getLogger(__name__)

FILE = "ballast"
SIZE_BYTES = 16 * 1024 * 1024
# So that the room is not taken back at once by whatever has filled the disk.
SPARE_BYTES = 4 * 1024 * 1024


class Ballast:
    """Room on the disk of a directory that can be had back."""

    def __init__(self, directory: Path, size_bytes: int = SIZE_BYTES) -> None:
        self._file = directory / FILE
        self._size_bytes = size_bytes
        self._is_released = False

    @property
    def is_released(self) -> bool:
        """Whether the room was given up because the disk was full."""
        return self._is_released

    def take(self) -> None:
        """Take the room, unless it is taken; a disk that has none is logged, and nothing else."""
        try:
            self._allocate()
        except OSError as error:
            logger.warning("No room is kept for the case that the disk is full: %s", error)

    def release(self) -> None:
        """Give the room up."""
        if self._is_released:
            return
        self._is_released = True
        try:
            self._file.unlink(missing_ok=True)
            sync_directory(self._file.parent)
        except OSError as error:
            logger.warning("The room that was kept could not be given up: %s", error)
        logger.error("The disk of %s is full. Until there is room, only what ends or frees is done.", self._file.parent)

    def take_back(self) -> bool:
        """Take the room again if the disk has it; return whether it is taken. Nothing waits for it: ask when needed."""
        if not self._is_released:
            return True
        try:
            found = os.statvfs(self._file.parent)
            if found.f_bavail * found.f_frsize < self._size_bytes + SPARE_BYTES:
                return False
            self._allocate()
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                logger.warning("No room is kept for the case that the disk is full: %s", error)
            return False
        self._is_released = False
        logger.info("The disk of %s has room again.", self._file.parent)
        return True

    def _allocate(self) -> None:
        handle = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if os.fstat(handle).st_size < self._size_bytes:
                os.posix_fallocate(handle, 0, self._size_bytes)
                os.fsync(handle)
        except OSError:
            self._file.unlink(missing_ok=True)
            raise
        finally:
            os.close(handle)
