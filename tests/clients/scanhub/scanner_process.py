"""The process of a scanner on the ScanHub device SDK: its start, what it tells, and its end."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.processes.system import Output

PROGRAM = Path(__file__).parent / "programs" / "scanner.py"
SOURCES = ("tools/device-sdk/src", "services/base/shared_libs/src")
PATIENCE_S = 60


@dataclass(frozen=True)
class Kit:
    """One generation of the SDK: its name, its checkout, and the interpreter that runs it."""

    generation: str
    checkout: Path
    python: str


class ScannerProcess:
    """Is started with the credentials of a device; ``wait_for`` waits for what its program tells."""

    def __init__(self, kit: Kit, site: Any, device: str, directory: Path, **wanted: Any) -> None:
        directory.mkdir()
        settings = {
            "generation": kit.generation,
            "uri": site.device_uri,
            "credentials": str(site.credentials(device)),
            "ca_file": str(site.ca_file),
            "scans": True,
            "reconnect_delay": 5,
            "parameter": {"larmor_frequency": 2_030_000},
            **wanted,
        }
        self.log = directory / "log"
        with self.log.open("w") as log:
            self._process = subprocess.Popen(
                [kit.python, str(PROGRAM), json.dumps(settings)],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(str(kit.checkout / source) for source in SOURCES)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self._process.stdout is not None
        self._output = Output(self._process.stdout)

    @property
    def story(self) -> list[dict[str, Any]]:
        """Everything that was told until now, in order; the SDK itself prints, too."""
        return [json.loads(line) for line in list(self._output.lines) if line.startswith("{")]

    def told(self, event: str) -> list[dict[str, Any]]:
        """Return what was told under this word until now."""
        return [line for line in self.story if line["event"] == event]

    def wait_for(self, event: str, times: int = 1, seconds: float = PATIENCE_S) -> dict[str, Any]:
        """Return what was told under this word for the ``times``-th time."""
        self._output.wait_for(f'{{"event": "{event}"', times, seconds)
        return self.told(event)[times - 1]

    def say(self, word: str) -> None:
        """Give the program a word."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{word}\n")
        self._process.stdin.flush()

    def kill(self) -> None:
        """End it without a farewell."""
        self._process.kill()
        self._process.wait(60)
        self._output.close()
        assert self._process.stdin is not None
        self._process.stdin.close()
