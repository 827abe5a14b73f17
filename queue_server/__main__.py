"""The process of the manager, as the supervisor starts it: ``python -m queue_server``.

Settings come as JSON on the file descriptor ``--settings-fd``; what happens is told as JSON lines on ``--report-fd``:
first ``{"ready": addresses}``, then ``{"alive": true}`` each second, and at an end that a restart would not mend
``{"failed": sentence, "exit_code": n}``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
from dataclasses import asdict
from typing import Any

from queue_server import logs
from queue_server.app import Addresses, Listener, run_manager
from queue_server.config import Settings
from queue_server.protocol.errors import CuelightError

_log = logging.getLogger(__name__)


def main() -> int:
    """Run the manager; return the exit code of the process."""
    parser = argparse.ArgumentParser(prog="python -m queue_server")
    parser.add_argument("--settings-fd", type=int, required=True)
    parser.add_argument("--report-fd", type=int, required=True)
    options = parser.parse_args()
    # Ctrl-C reaches the whole terminal; the supervisor decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with open(options.settings_fd) as stream:
        settings = Settings(**json.loads(stream.read()))
    logs.configure(settings.verbosity, is_printed=settings.console_output != "off")
    return asyncio.run(_run(settings, options.report_fd))


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
