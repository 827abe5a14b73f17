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


# How many times as long as asked for something may take until a test fails for it. With every commit it runs beside
# other tests, and only the table shows what was asked for and what was reached; at night it has to be reached.
SLACK = 1 if is_night() else 10
