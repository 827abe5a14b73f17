"""What a test was asked to reach, and what it has reached: kept in the report, and printed."""

from __future__ import annotations

import sys
from collections.abc import Callable

Note = Callable[[str, object, object], None]


def figures_of(record_property: Callable[[str, object], None]) -> Note:
    """Return a function that notes a figure: its name, what was asked for, and what was reached."""

    def note(name: str, asked: object, reached: object) -> None:
        record_property(name, f"asked {asked}, reached {reached}")
        sys.stdout.write(f"{name}: asked {asked}, reached {reached}\n")

    return note
