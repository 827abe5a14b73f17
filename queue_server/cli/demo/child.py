"""The end of a process that the demonstration has started beside its system."""

from __future__ import annotations

import subprocess

END_PATIENCE_S = 10.0


def see_out(process: subprocess.Popen[bytes]) -> None:
    """Wait for a process that was told to end, and kill it if it does not within ten seconds."""
    try:
        process.wait(END_PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
