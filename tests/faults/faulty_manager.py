"""A manager process whose disk fails when a file says so: ``python -m tests.faults.faulty_manager ORDER LOG …``.

ORDER is the path of a file: while it says ``fsync``, the next sync of the database's log fails, once. LOG is the path
of a file with a line for each sync: when it was, of which file, and whether it has failed.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import apsw

ORDER, LOG = Path(sys.argv[1]), Path(sys.argv[2])
DATABASE = "queue.sqlite"


class FailingVfs(apsw.VFS):
    """The default file system of this process."""

    def __init__(self):
        super().__init__("failing", "unix", makedefault=True)

    def xOpen(self, name, flags):  # noqa: N802 - the names are those of SQLite
        return FailingFile(name, flags)


class FailingFile(apsw.VFSFile):
    """One open file of it."""

    def __init__(self, name, flags):
        shown = name.filename() if isinstance(name, apsw.URIFilename) else name or ""
        self._name = Path(shown).name
        super().__init__("unix", name, flags)

    def xSync(self, flags):  # noqa: N802
        order = _order()
        failed = order == "fsync" and self._name == f"{DATABASE}-wal"
        with LOG.open("a") as log:
            log.write(f"{time.monotonic()} {self._name} {'failed' if failed else 'ok'}\n")
        if failed:
            ORDER.unlink()
            raise apsw.exception_for(apsw.SQLITE_IOERR_FSYNC)
        super().xSync(flags)


def _order():
    try:
        return ORDER.read_text()
    except FileNotFoundError:
        return ""


if __name__ == "__main__":
    vfs = FailingVfs()
    del sys.argv[1:3]
    from queue_server.__main__ import main

    code = main()
    sys.stdout.flush()
    os._exit(code)
