"""When a gateway process of this host last saw a mutation answered: one number, shared through a small file.

It lets every process know that what it has in memory may be too old. The number is the monotonic clock of the host,
so a later mutation always changes it, whichever process writes.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import struct
import time
from pathlib import Path

_NUMBER = struct.Struct("<Q")


class MutationMark:
    """The shared number."""

    def __init__(self, path: Path) -> None:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if os.fstat(handle).st_size < _NUMBER.size:
                os.ftruncate(handle, _NUMBER.size)
            self._memory = mmap.mmap(handle, _NUMBER.size)
        finally:
            os.close(handle)

    @property
    def value(self) -> int:
        """The number; it differs from any earlier one if there was a mutation in between."""
        [number] = _NUMBER.unpack_from(self._memory)
        return int(number)

    def set(self) -> None:
        """Note that a mutation was answered, or may have been carried out."""
        _NUMBER.pack_into(self._memory, 0, time.monotonic_ns())

    def close(self) -> None:
        """Release the memory; the file stays for the other processes."""
        self._memory.close()


def mark_path(directory: Path, control: str) -> Path:
    """Return the file that all gateway processes in front of the manager at ``control`` share."""
    return directory / f"mutations-{hashlib.sha256(control.encode()).hexdigest()[:16]}"
