"""The simulated scanner of the demonstration: a process of its own that connects to the gateway."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from queue_server.cli.demo.child import see_out
from queue_server.cli.failures import OperationFailedError
from queue_server.cli.render import last_line


@dataclass(frozen=True)
class ScannerProcess:
    """A scanner that serves until the context ends."""

    process: subprocess.Popen[bytes]
    log: Path

    @classmethod
    def start(cls, http: str, credentials: Path, log: Path) -> Self:
        """Start it for the gateway at ``http``; whether it is let in is seen there."""
        with log.open("wb") as target:
            process = subprocess.Popen(
                [sys.executable, "-m", *words_for(http, credentials)],
                stdin=subprocess.DEVNULL,
                stdout=target,
                stderr=subprocess.STDOUT,
                # Settings of the caller's shell are meant for another system.
                env={name: value for name, value in os.environ.items() if not name.startswith("CUELIGHT_")},
                # Ctrl-C is for the demonstration, which ends the scanner.
                start_new_session=True,
            )
        return cls(process, log)

    def check(self) -> None:
        """Do nothing as long as it runs.

        Raises:
            OperationFailedError: it has ended; the message has its last words.
        """
        if self.process.poll() is not None:
            words = last_line(self.log.read_text(encoding="utf-8", errors="replace")) or "it said nothing"
            raise OperationFailedError(f"The simulated scanner has ended: {words}")

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        see_out(self.process)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def words_for(http: str, credentials: Path) -> list[str]:
    """Return the module and the arguments with which the simulated scanner connects to a gateway."""
    url = f"{http.replace('http', 'ws', 1).rstrip('/')}/api/v1/device/ws"
    return ["device_worker.sim.scanner", url, str(credentials)]
