"""A service process that does what its settings say: ``python -m tests.doubles.service_process``.

``ready`` is told first; then again and again that it lives. ``fails`` ends it with that sentence, ``ends`` with that
code as soon as it is ready, and ``early`` it has a sign of life before that. Otherwise it lives until SIGTERM, and
where it is ``deaf`` beyond that. With ``--spare`` it waits for its settings until it is taken.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from typing import Any

from queue_server.process import wait_as_spare


def read_settings() -> tuple[dict[str, Any], int] | None:
    """Return the settings and where to report to, or None if there will be none."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--settings-fd", type=int)
    parser.add_argument("--report-fd", type=int)
    parser.add_argument("--spare", action="store_true")
    options = parser.parse_args()
    if options.spare:
        taken = wait_as_spare(options.settings_fd)
        return None if taken is None else (json.loads(taken[0]), taken[1])
    with open(options.settings_fd) as stream:
        return json.load(stream), options.report_fd


def main() -> int:
    """Do what the settings say."""
    taken = read_settings()
    return 0 if taken is None else serve(*taken)


def serve(settings: dict[str, Any], report_fd: int) -> int:
    """Be the service of these settings."""

    def report(**message: object) -> None:
        try:
            os.write(report_fd, json.dumps(message).encode() + b"\n")
        except OSError:
            return

    def end(number: int, frame: object) -> None:
        # Python gives up its handlers before it has ended.
        signal.setitimer(signal.ITIMER_REAL, 0)
        report(ended=0)
        sys.exit(0)

    signal.signal(signal.SIGTERM, signal.SIG_IGN if settings.get("deaf") else end)
    signal.signal(signal.SIGALRM, lambda number, frame: report(alive=settings.get("ready")))
    if "fails" in settings:
        report(failed=settings["fails"], may_pass=settings.get("may_pass", False))
        return 3
    if settings.get("early"):
        report(alive={})
    report(ready=settings["ready"])
    if "ends" in settings:
        report(ended=settings["ends"])
        return settings["ends"]
    signal.setitimer(signal.ITIMER_REAL, 0.1, 0.1)
    while True:
        signal.pause()


if __name__ == "__main__":
    sys.exit(main())
