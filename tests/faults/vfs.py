"""A virtual file system of SQLite that records what reaches the disk, and fails when it is told to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import apsw


@dataclass(frozen=True)
class Created:
    """A file came into being."""

    file: str


@dataclass(frozen=True)
class Written:
    """Bytes were written to a file."""

    file: str
    offset: int
    data: bytes


@dataclass(frozen=True)
class Truncated:
    """A file was cut or extended."""

    file: str
    size: int


@dataclass(frozen=True)
class Synced:
    """What was written to a file is on the disk."""

    file: str


@dataclass(frozen=True)
class Deleted:
    """A file was deleted; ``is_durable`` says that its directory was synced as well."""

    file: str
    is_durable: bool


@dataclass(frozen=True)
class Noted:
    """Something that happened outside of the database."""

    what: str
    value: object


class RecordingVfs(apsw.VFS):
    """Passes everything on to the default file system and keeps a log of it."""

    def __init__(self, name, watched=None):
        self.log = []
        self.failures = {}
        self._watched = watched
        super().__init__(name, "")

    def fail(self, call, file, error):
        """Have every ``call`` (``xWrite``, ``xSync``) of files whose name ends with ``file`` fail, from now on."""
        self.failures[call, file] = error

    def note(self, what, value=None):
        """Add an entry of the test's own to the log."""
        self.add(Noted(what, value))

    def add(self, entry):
        """Add an entry, after another one if the watched file has come into being meanwhile."""
        if self._watched is not None and self._watched.exists():
            self.log.append(Noted("watched", self._watched.read_bytes()))
            self._watched = None
        self.log.append(entry)

    def check(self, call, file):
        """Raise what a test asked for."""
        for (failing, suffix), error in self.failures.items():
            if failing == call and file.endswith(suffix):
                raise error()

    def xOpen(self, name, flags):  # noqa: N802 - the names are those of SQLite
        path = Path(name.filename() if isinstance(name, apsw.URIFilename) else name or "")
        is_new = not path.exists()
        file = RecordingFile(self, name, path.name, flags)
        if is_new:
            self.add(Created(path.name))
        return file

    def xDelete(self, filename, syncdir):  # noqa: N802
        super().xDelete(filename, syncdir)
        self.add(Deleted(Path(filename).name, bool(syncdir)))


class RecordingFile(apsw.VFSFile):
    """One open file of the recording file system."""

    def __init__(self, vfs, name, short_name, flags):
        self._vfs = vfs
        self._name = short_name
        super().__init__("", name, flags)

    def xWrite(self, data, offset):  # noqa: N802
        self._vfs.check("xWrite", self._name)
        super().xWrite(data, offset)
        self._vfs.add(Written(self._name, offset, bytes(data)))

    def xTruncate(self, newsize):  # noqa: N802
        super().xTruncate(newsize)
        self._vfs.add(Truncated(self._name, newsize))

    def xSync(self, flags):  # noqa: N802
        self._vfs.note("sync tried", self._name)
        self._vfs.check("xSync", self._name)
        super().xSync(flags)
        self._vfs.add(Synced(self._name))
