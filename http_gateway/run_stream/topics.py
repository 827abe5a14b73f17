"""The topics of the stream that are about one run, and how they are named. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

EVERY: Final = "*"
"""In the place of a run: every one that begins from now on."""

_NAME = re.compile(r"run:([^:]{1,512})(?::(?:(cols)|frame:(.{1,512})))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class RunTopic:
    """What of a run is followed; ``name`` is that of the topic, ``uid`` the run, or ``*`` for every one."""

    name: str
    uid: str
    part: Literal["documents", "columns", "image"]
    field: str = ""


def read_run_topic(name: str) -> RunTopic | None:
    """Return what of which run a topic is about; None if it is about none."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    uid, columns, field = match.groups()
    if uid == EVERY and (columns or field):
        return None
    if field:
        return RunTopic(name, uid, "image", field)
    return RunTopic(name, uid, "columns" if columns else "documents")
