"""What a check found: how grave it is, in one sentence, and the command that helps. It observes and prints nothing."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from msgspec import Struct

Level = Literal["ok", "warning", "failure"]

EXIT_CODES: dict[Level, int] = {"ok": 0, "warning": 1, "failure": 2}


class Finding(Struct, frozen=True):
    """What one check found; ``action`` is one line with the command to run, and empty where all is well."""

    check: str
    level: Level
    text: str
    action: str = ""


def worst_of(findings: Iterable[Finding]) -> Level:
    """Return the gravest level among findings, ``ok`` if there are none."""
    levels = {finding.level for finding in findings}
    return "failure" if "failure" in levels else "warning" if "warning" in levels else "ok"


def command_on(data: Path, words: str) -> str:
    """Return the command ``cuelight WORDS`` for a data directory, as it can be typed."""
    return f"cuelight {words} --data {quoted(data)}"


def quoted(path: object) -> str:
    """Return a path as a shell takes it."""
    return shlex.quote(str(path))
