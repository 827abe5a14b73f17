"""The two systems that the rows compare, as the sides of a row."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from benchmarks.speed.row import OURS, Stage
from benchmarks.systems import System, running_cuelight, running_queueserver


def running(kind: str, stage: Stage, startup: Path | None = None) -> AbstractContextManager[System]:
    """Run one of both on a stage, with the simulated profile or with startup code of one's own."""
    if kind == OURS:
        return running_cuelight(stage.directory, startup or "sim")
    assert stage.peer is not None
    own = () if startup is None else (f"--startup-dir={startup}", "--keep-re")
    return running_queueserver(stage.directory, stage.peer, *own)
