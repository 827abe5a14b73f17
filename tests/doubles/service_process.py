"""A service process that does what its settings say: ``python -m tests.doubles.service_process``.

``ready`` is told first; then again and again that it lives. ``fails`` ends it with that sentence, ``ends`` with that
code as soon as it is ready, and ``early`` it has a sign of life before that. Otherwise it lives until SIGTERM, and
where it is ``deaf`` beyond that.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys


def main() -> int:
    """Do what the settings say."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--settings-fd", type=int)
    parser.add_argument("--report-fd", type=int)
    options = parser.parse_args()
    with open(options.settings_fd) as stream:
        settings = json.load(stream)

    def report(**message: object) -> None:
        try:
            os.write(options.report_fd, json.dumps(message).encode() + b"\n")
        except OSError:
            return

    def end(number: int, frame: object) -> None:
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
