"""Programs that work on stored data, since the command line itself opens no store: started, and their report read."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from queue_server.cli import render
from queue_server.protocol.errors import CuelightError, RequestFailedError


def find_data(data: Path | None) -> Path:
    """Return the data directory that is meant; without one, that of ``cuelight up``."""
    from queue_server.config import default_data_directory

    return (data or default_data_directory()).expanduser().absolute()


def run_on_data(module: str, *words: str, as_json: bool) -> dict[str, Any]:
    """Run a module that prints one JSON object, and return that.

    Raises:
        RequestFailedError: it says that it failed; with ``as_json`` the failure was printed as well.
        CuelightError: it said nothing.
    """
    command = [sys.executable, "-m", module, *words]
    ended = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=False)
    try:
        report: dict[str, Any] = json.loads(ended.stdout)
    except ValueError as error:
        raise CuelightError(f"Nothing was done: the process ended with exit code {ended.returncode}.") from error
    if "failed" in report:
        details = report.get("details", {})
        reply = {"success": False, "msg": report["failed"], "error": {"code": report["code"], "details": details}}
        if as_json:
            render.print_json(reply)
        raise RequestFailedError(report["failed"], reply=reply)
    return report
