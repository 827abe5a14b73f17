"""The process of the gateway, as the supervisor starts it: ``python -m http_gateway``.

Settings come as JSON on the file descriptor ``--settings-fd``; what happens is told as JSON lines on ``--report-fd``:
first ``{"ready": addresses}``, then ``{"alive": true}`` each second, and ``{"failed": sentence}`` at an end that a
restart would not mend.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
from typing import Any

from http_gateway.config import GatewaySettings, read_settings
from http_gateway.server import Listener, serve
from queue_server import logs
from queue_server.protocol.errors import CuelightError


def main() -> int:
    """Run the gateway; return the exit code of the process."""
    parser = argparse.ArgumentParser(prog="python -m http_gateway")
    parser.add_argument("--settings-fd", type=int, required=True)
    parser.add_argument("--report-fd", type=int, required=True)
    options = parser.parse_args()
    with open(options.settings_fd) as stream:
        values = json.loads(stream.read())
    os.set_blocking(options.report_fd, False)
    return run(values, options.report_fd)


def run(values: dict[str, Any], report_fd: int) -> int:
    """Serve with these settings until asked to stop."""

    def report(**message: Any) -> None:
        try:
            os.write(report_fd, json.dumps(message).encode() + b"\n")
        except OSError:
            # Without a supervisor the gateway goes on.
            return

    try:
        settings = read_settings(values)
        logs.configure(settings.verbosity, is_printed=settings.console_output != "off")
        listener = Listener(lambda http, url: report(ready={"http": http, "url": url}), lambda: report(alive=True))
        asyncio.run(_serve(settings, listener))
    except (CuelightError, OSError) as error:
        report(failed=f"the gateway: {error}")
        return error.exit_code if isinstance(error, CuelightError) else 3
    return 0


async def _serve(settings: GatewaySettings, listener: Listener) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await serve(settings, listener, stop)


if __name__ == "__main__":
    sys.exit(main())
