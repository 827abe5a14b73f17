"""The process of the gateway, as the supervisor starts it: ``python -m http_gateway``.

Settings come as JSON on the file descriptor ``--settings-fd``; what happens is told as JSON lines on ``--report-fd``:
first ``{"ready": addresses}``, then ``{"alive": addresses}`` each second, ``{"failed": sentence}`` at an end that a
restart would not mend, and last ``{"ended": exit code}``. Where nobody reads the reports any more, one of several
processes ends. The gateway itself serves on, for the next supervisor finds it.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from uvicorn.loops.auto import auto_loop_factory

from http_gateway.config import Place
from http_gateway.configuration_files import with_configuration
from http_gateway.processes import SOCKET_KEY, read_own
from http_gateway.processes import run as run_processes
from http_gateway.server import Listener
from queue_server import logs
from queue_server.protocol.errors import CuelightError

CONFIGURATION_KEY = "http_config"
"""Beside the settings: configuration in the form of bluesky-httpserver, which they win over."""


def main() -> int:
    """Run the gateway; return the exit code of the process."""
    parser = argparse.ArgumentParser(prog="python -m http_gateway")
    parser.add_argument("--settings-fd", type=int, required=True)
    parser.add_argument("--report-fd", type=int, required=True)
    options = parser.parse_args()
    # Ctrl-C reaches the whole terminal; whoever has started this process decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with open(options.settings_fd) as stream:
        values = json.loads(stream.read())
    os.set_blocking(options.report_fd, False)
    return run(values, options.report_fd)


def run(values: dict[str, Any], report_fd: int) -> int:
    """Serve with these settings until asked to stop."""
    told: dict[str, str] = {}

    def report(**message: Any) -> None:
        try:
            os.write(report_fd, json.dumps(message).encode() + b"\n")
        except OSError:
            # A reader that is stopped may go on; one that has gone may have a successor.
            return

    code = 0
    try:
        configuration = values.pop(CONFIGURATION_KEY, None)
        sources: Mapping[Place, str] = {}
        if configuration is not None:
            values, sources = with_configuration(Path(configuration), values)
        settings = read_own(values, sources)
        logs.configure(settings.verbosity, is_printed=settings.console_output != "off")

        def tell_ready(http: str, url: str) -> None:
            # What is loaded by now stays; each further look at all of it would hold up requests for a tenth second.
            gc.collect()
            gc.freeze()
            told.update({"http": http, "url": url})
            report(ready=told)

        # With the addresses, for a supervisor that was not there when it became ready.
        listener = Listener(tell_ready, lambda: report(alive=told))
        with asyncio.Runner(loop_factory=auto_loop_factory()) as runner:
            runner.run(_serve(values, listener, report_fd))
    except (CuelightError, OSError) as error:
        report(failed=f"the gateway: {error}")
        code = error.exit_code if isinstance(error, CuelightError) else 3
    report(ended=code)
    return code


async def _serve(values: dict[str, Any], listener: Listener, report_fd: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)

    def end() -> None:
        loop.remove_reader(report_fd)
        stop.set()

    if SOCKET_KEY in values:
        # The writing end of a pipe becomes readable only when its last reader has gone, here the first process.
        loop.add_reader(report_fd, end)
    await run_processes(values, listener, stop)


if __name__ == "__main__":
    sys.exit(main())
