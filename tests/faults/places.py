"""Directories in memory, for tests that are about killed processes and recorded disks and not about the disk here."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

IN_MEMORY = "/dev/shm"


@contextmanager
def place_in_memory():
    """Give a directory in memory, or an ordinary one where there is no such place, and remove it at the end."""
    parent = IN_MEMORY if os.access(IN_MEMORY, os.W_OK) else None
    place = Path(tempfile.mkdtemp(prefix="cuelight-", dir=parent))
    try:
        yield place
    finally:
        shutil.rmtree(place)
