"""Programs that installed packages add as verbs: entry points of the group ``cuelight.commands``.

An entry point is a function ``main(arguments, *, program) -> int`` that returns the exit code.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.metadata import entry_points
from typing import cast

GROUP = "cuelight.commands"


def list_programs() -> list[str]:
    """Return their names, sorted."""
    return sorted(entry_points(group=GROUP).names)


def find_program(name: str) -> Callable[[Sequence[str]], int] | None:
    """Return what runs a program with its arguments, or None if no package adds one of that name."""
    for entry in entry_points(group=GROUP, name=name):
        main = cast("Callable[..., int]", entry.load())
        return lambda arguments: main(arguments, program=f"cuelight {name}")
    return None
