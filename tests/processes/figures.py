"""What a test was asked to reach, and what it has reached: kept in the report, and printed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Protocol

FIGURE = "figure"


class Note(Protocol):
    """Note a figure: its name, what was asked for, and what was reached; ``fault`` if the test has several rows."""

    def __call__(self, name: str, asked: object, reached: object, *, fault: str = "") -> None: ...


def figures_of(record_property: Callable[[str, object], None]) -> Note:
    """Return a function that notes a figure."""

    def note(name: str, asked: object, reached: object, *, fault: str = "") -> None:
        # Texts in a list, because a report travels from one process of a run to another.
        record_property(FIGURE, [fault, name, str(asked), str(reached)])
        sys.stdout.write(f"{name}: asked {asked}, reached {reached}\n")

    return note
