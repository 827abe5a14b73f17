"""What Dask runs in each process of an embedded cluster before it serves: its end is tied to the end of its parent.

Dask has a thread in each process for that, which cannot act while a node keeps the interpreter's lock.
"""

from __future__ import annotations

import ctypes
import os
import signal
from typing import Any

_PR_SET_PDEATHSIG = 1


def dask_setup(worker: Any) -> None:  # the name and the argument are Dask's
    """Have the kernel end this process when the thread ends that started it, which lives as long as its process."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{os.strerror(number)}: the process {worker.name} cannot be tied to its parent")
