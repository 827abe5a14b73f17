"""The data directory: which files it has, who may use them, and whether they belong together.

It looks at files from outside and never opens the database.
"""

from __future__ import annotations

import ctypes
import os
import stat
import sys
import uuid
from pathlib import Path
from typing import NoReturn

from msgspec import Struct

from queue_server.disk import sync_directory
from queue_server.failpoints import declare, failpoint
from queue_server.protocol.errors import StorageError
from queue_server.storage.checksums import DATABASE_FILE, restore_hint

declare("store.before_marker", "store.after_marker")

MARKER_FILE = "instance"
# A log that was written to at all has at least its header.
_LOG_HEADER_BYTES = 32
_HEADER = b"SQLite format 3\0"
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH

# Types of file systems (statfs) that other hosts can write to, so that neither locks nor fsync can be relied on.
# FUSE and 9P are not among them: they carry local disks of containers and virtual machines just as often.
NETWORK_FILE_SYSTEMS = {
    0x6969: "NFS",
    0x517B: "SMB",
    0xFF534D42: "CIFS",
    0xFE534D42: "SMB2",
    0x5346414F: "AFS",
    0x6B414653: "AFS",
    0x73757245: "Coda",
    0x564C: "NCP",
    0x00C36400: "Ceph",
    0x0BD00BD0: "Lustre",
    0x47504653: "GPFS",
    0x19830326: "BeeGFS",
    0x20030528: "PVFS2",
    0x01161970: "GFS2",
    0x7461636F: "OCFS2",
}


class DataDirectory(Struct, frozen=True):
    """The files of a store."""

    path: Path

    @property
    def database(self) -> Path:
        """The main file of the database."""
        return self.path / DATABASE_FILE

    @property
    def log(self) -> Path:
        """The write-ahead log, which holds the newest changes while the database is in use."""
        return self.path / f"{DATABASE_FILE}-wal"

    @property
    def log_index(self) -> Path:
        """The index of the log, which is made anew when the first process opens the database."""
        return self.path / f"{DATABASE_FILE}-shm"

    @property
    def marker(self) -> Path:
        """The file that names the instance, so that a lost database is not mistaken for a new one."""
        return self.path / MARKER_FILE

    def create(self) -> None:
        """Create the directory, for this user alone, unless it exists.

        Raises:
            StorageError: that is not possible, or the place is not fit for a database.
        """
        existing = next(place for place in (self.path, *self.path.absolute().parents) if place.exists())
        check_file_system(file_system_type(existing), self.path)
        try:
            if existing != self.path:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self.path.mkdir(mode=0o700)
                sync_directory(self.path.parent)
        except OSError as error:
            raise StorageError(
                f"The data directory {self.path} cannot be created: {error.strerror}. Choose another one (--data)."
            ) from error
        if not self.path.is_dir():
            raise StorageError(f"{self.path} is not a directory. Choose another data directory (--data).")
        if self.path.stat().st_mode & _OTHERS_WRITE:
            raise StorageError(f"Other users may write into the data directory: run chmod 700 {self.path}")

    def check_files(self) -> None:
        """Refuse a directory from which something was lost; change nothing.

        Raises:
            StorageError: database and marker do not go together, or other users may read them.
        """
        for file in (self.database, self.log):
            if file.exists():
                _check_file(file)
        size = _size(self.database)
        if self.read_marker() is None:
            if not size and _size(self.log) is not None:
                self._refuse(f"There is a log, {self.log}, without its database.")
        elif size is None:
            self._refuse(f"The database {self.database} is missing.")
        elif size == 0:
            self._refuse(f"The database {self.database} is empty (0 bytes).")
        elif not self._has_header():
            # SQLite takes a file of one byte for a new database and deletes its log.
            self._refuse(f"{self.database} is not a database, or was cut off.")

    def _has_header(self) -> bool:
        with self.database.open("rb") as file:
            return file.read(len(_HEADER)) == _HEADER

    def read_marker(self) -> str | None:
        """Return the instance id, or None if nothing was ever stored here.

        Raises:
            StorageError: the marker has other content.
        """
        try:
            text = self.marker.read_text(encoding="ascii", errors="replace").strip()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StorageError(f"{self.marker} cannot be read: {error.strerror}.") from error
        try:
            return str(uuid.UUID(text))
        except ValueError:
            self._refuse(f"{self.marker} does not name an instance; if it alone was damaged, delete it.")

    def write_marker(self, instance_id: str) -> None:
        """Write the marker, as a whole or not at all.

        Raises:
            OSError: that is not possible.
        """
        failpoint("store.before_marker")
        draft = self.path / f"{MARKER_FILE}.new"
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.write(handle, f"{instance_id}\n".encode())
            os.fsync(handle)
        finally:
            os.close(handle)
        draft.replace(self.marker)
        sync_directory(self.path)
        failpoint("store.after_marker")

    def create_database(self) -> None:
        """Create the main file, empty and for this user alone, unless it exists.

        Raises:
            StorageError: that is not possible.
        """
        try:
            os.close(os.open(self.database, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            sync_directory(self.path)
        except OSError as error:
            raise StorageError(
                f"{self.database} cannot be opened for writing: {error.strerror}. Give this user write access to it "
                "and to its directory, or choose another data directory (--data)."
            ) from error

    def has_log(self) -> bool:
        """Whether there is a log that was written to."""
        return (_size(self.log) or 0) >= _LOG_HEADER_BYTES

    def _refuse(self, what: str) -> NoReturn:
        hint = restore_hint(str(self.database))
        raise StorageError(f"{what} {hint}, or start with an empty queue in another directory (--data).")


def file_system_type(path: Path) -> int:
    """Return the number by which the kernel knows the file system of ``path``.

    Raises:
        StorageError: the kernel does not tell.
    """
    library = ctypes.CDLL(None, use_errno=True)
    # The type is the first field and a long; the rest of the structure, at most 120 bytes, is not looked at.
    answer = ctypes.create_string_buffer(256)
    if library.statfs(os.fsencode(path), answer) != 0:
        raise StorageError(f"The file system of {path} is unknown: {os.strerror(ctypes.get_errno())}.")
    return int.from_bytes(answer.raw[: ctypes.sizeof(ctypes.c_long)], sys.byteorder)


def check_file_system(kind: int, path: Path) -> None:
    """Refuse a file system of a network.

    Raises:
        StorageError: ``kind`` is one of them.
    """
    name = NETWORK_FILE_SYSTEMS.get(kind & 0xFFFFFFFF)
    if name is not None:
        raise StorageError(
            f"The data directory {path} is on a network file system ({name}), where a database can be damaged by "
            "another host. Choose a directory on a local disk (--data)."
        )


def _check_file(file: Path) -> None:
    if not file.is_file():
        raise StorageError(f"{file} is not a file. Choose another data directory (--data).")
    if file.stat().st_mode & _OTHERS:
        raise StorageError(f"Other users may use {file}: run chmod 600 {file}")


def _size(file: Path) -> int | None:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return None
