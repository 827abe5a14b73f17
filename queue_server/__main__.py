"""The process of the manager, as the supervisor starts it: ``python -m queue_server``.

Settings come as JSON on the file descriptor ``--settings-fd``; what happens is told as JSON lines on ``--report-fd``:
first ``{"ready": addresses}``, then ``{"alive": true}`` each second, and at an end that a restart would not mend
``{"failed": sentence, "exit_code": n}``. With ``--clear-lock DIR`` it does not serve: it takes the lock off the data
of a manager that does not run, and tells ``{"lock": the lock as it was, or null}``.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import getpass
import json
import logging
import os
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from queue_server import logs
from queue_server.app import Addresses, Listener, clear_lock, run_manager
from queue_server.config import Settings
from queue_server.core.locks import Lock
from queue_server.protocol.errors import CuelightError

_log = logging.getLogger(__name__)

# How long a thread that computes keeps the event loop waiting, each time that it comes back from the operating system.
SWITCH_INTERVAL_S = 0.0005


def main() -> int:
    """Run the manager; return the exit code of the process."""
    parser = argparse.ArgumentParser(prog="python -m queue_server")
    task = parser.add_mutually_exclusive_group(required=True)
    task.add_argument("--settings-fd", type=int)
    task.add_argument("--clear-lock", type=Path, metavar="DIR")
    parser.add_argument("--report-fd", type=int, default=1)
    options = parser.parse_args()
    if options.clear_lock is not None:
        return _clear_lock(options.clear_lock.absolute(), options.report_fd)
    # Ctrl-C reaches the whole terminal; the supervisor decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with open(options.settings_fd) as stream:
        settings = Settings(**json.loads(stream.read()))
    logs.configure(settings.verbosity, is_printed=settings.console_output != "off")
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    # What is loaded now stays, so that no collection has to look at it again while requests wait.
    gc.freeze()
    return asyncio.run(_run(settings, options.report_fd))


def _clear_lock(data: Path, report_fd: int) -> int:
    exit_code = 0
    try:
        lock = asyncio.run(clear_lock(data, getpass.getuser()))
        report: dict[str, Any] = {"lock": _shown(lock) if lock.is_set else None}
    except CuelightError as error:
        exit_code = error.exit_code
        report = {"failed": error.message, "exit_code": exit_code, "code": error.code}
    os.write(report_fd, json.dumps(report).encode() + b"\n")
    return exit_code


def _shown(lock: Lock) -> dict[str, Any]:
    return {name: value for name, value in asdict(lock).items() if name != "digest"}


async def _run(settings: Settings, report_fd: int) -> int:
    # A supervisor that is stopped must not stop the manager with it.
    os.set_blocking(report_fd, False)

    def report(**message: Any) -> None:
        try:
            os.write(report_fd, json.dumps(message).encode() + b"\n")
        except OSError:
            # Without a supervisor the manager goes on; the next supervisor finds it by its lock.
            _log.debug("Nobody reads the reports of the manager")

    def ready(addresses: Addresses) -> None:
        report(ready=asdict(addresses))

    try:
        await run_manager(settings, Listener(ready, lambda: report(alive=True)))
    except CuelightError as error:
        _log.error("The manager ends: %s", error)
        report(failed=str(error), exit_code=error.exit_code)
        return error.exit_code
    except OSError as error:
        _log.error("The manager ends: %s", error)
        report(failed=str(error), exit_code=3)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
