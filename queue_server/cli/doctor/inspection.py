"""Has the store and the libraries looked at by processes of their own, so that nothing damaged can end this one."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from queue_server.cli import render
from queue_server.cli.doctor.facts import StoreFacts

_LIBZMQ = "import zmq; print(zmq.zmq_version())"
_LOAD_S = 20.0


class Inspection:
    """The examination of a store, which goes on while other things are looked at."""

    def __init__(self, data: Path) -> None:
        """Begin."""
        command = [sys.executable, "-m", "queue_server.storage.health", "--data", str(data)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def finish(self, patience_s: float) -> StoreFacts:
        """Return what was found within ``patience_s``; what takes longer is given up."""
        timer = threading.Timer(patience_s, self._process.kill)
        timer.start()
        try:
            out, error = self._process.communicate()
        finally:
            is_late = not timer.is_alive()
            timer.cancel()
        failed = ""
        if self._process.returncode != 0:
            failed = f"it took more than {patience_s:g} s." if is_late else render.last_line(error) or "it was ended."
        return read_parts(out.splitlines(), failed)


def read_parts(lines: Iterable[str], failed: str) -> StoreFacts:
    """Return what the lines of an examination say; one that was cut off is left out."""
    parts: dict[str, dict[str, Any]] = {}
    for line in lines:
        try:
            part = json.loads(line)
        except ValueError:
            continue
        parts[part["part"]] = part
    return StoreFacts(parts.get("surroundings"), parts.get("data"), parts.get("backup"), failed)


def find_libzmq() -> str:
    """Return the version of the ZeroMQ library, or an empty text if it cannot be loaded."""
    try:
        ended = subprocess.run(
            [sys.executable, "-c", _LIBZMQ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_LOAD_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return ""
    return ended.stdout.strip()
