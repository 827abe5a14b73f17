"""How much a test does: some of it with every commit, all of it at night."""

from __future__ import annotations

import os

SWITCH = "CUELIGHT_NIGHT"


def is_night() -> bool:
    """Return whether the long tests were asked for, by ``--night`` or the environment variable."""
    return os.environ.get(SWITCH, "") not in {"", "0"}


def rounds(commit: int, night: int) -> int:
    """Return how often a fault is injected in this run."""
    return night if is_night() else commit
