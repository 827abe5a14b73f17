"""The wall clock of a host, as every process sees it that is started from now on; a test sets it while they work."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

# Every process of the system reads this instead of its own clock: the real one, and what a file says.
STEPPING = """
import mmap
import os
import struct
import time

_file = os.open(os.environ["TEST_CLOCK"], os.O_RDONLY)
_memory = mmap.mmap(_file, 8, prot=mmap.PROT_READ)
_real, _real_ns = time.time, time.time_ns


def _offset():
    return struct.unpack_from("<d", _memory)[0]


time.time = lambda: _real() + _offset()
time.time_ns = lambda: _real_ns() + int(_offset() * 1e9)
"""


class HostClock:
    """The clock; ``offset_s`` is what has been added to the real one."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.offset_s = 0.0
        self._file = directory / "clock"
        self._write()
        (directory / "clocks").mkdir()
        (directory / "clocks" / "sitecustomize.py").write_text(STEPPING)
        monkeypatch.setenv("PYTHONPATH", str(directory / "clocks"))
        monkeypatch.setenv("TEST_CLOCK", str(self._file))

    def step(self, seconds: float) -> None:
        """Set the clock forward, or back."""
        self.offset_s += seconds
        self._write()

    def _write(self) -> None:
        # In place: the processes have the file in their memory.
        with self._file.open("r+b" if self._file.exists() else "wb") as stream:
            stream.write(struct.pack("<d", self.offset_s))
