"""Where the plan that is executed may write files of its own. This is for startup code and plans to import.

The directory belongs to the attempt. What is in it when the attempt ends becomes its artifacts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

# Plans run in the thread of the RunEngine, and callbacks in others, so that it belongs to the process.
_openings: list[Callable[[], Path]] = []


def output_directory() -> Path:
    """Return the directory of the attempt that is executed, an absolute path; it is made at the first call.

    Regular files in it, also in directories below it, become artifacts of the attempt when that ends, however it ends,
    under their paths relative to it. Write them completely before the plan returns. Links are passed over.

    Raises:
        RuntimeError: no item is executed.
        OSError: the directory cannot be made.
    """
    if not _openings:
        raise RuntimeError("There is no directory for files: no item is executed in this process.")
    return _openings[-1]()


def takes_outputs() -> bool:
    """Return whether an item is executed, so that there is a directory; else a plan is run by somebody else."""
    return bool(_openings)


@contextmanager
def outputs_in(open_directory: Callable[[], Path]) -> Iterator[None]:
    """Let ``output_directory`` return what ``open_directory`` returns, inside the block."""
    _openings.append(open_directory)
    try:
        yield
    finally:
        _openings.remove(open_directory)
