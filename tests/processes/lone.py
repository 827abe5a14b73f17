"""A manager process alone, as the supervisor starts it, with failpoints if a test asks for them."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.processes.forked import Forked
from tests.processes.requester import Requester
from tests.processes.waiting import PATIENCE_S, Deadline, kill, processes_of

ROOT = Path(__file__).parents[2]
ANY_PORT = "tcp://127.0.0.1:0"


def fast_directory() -> Path | None:
    """Return where files live in memory, if this host has such a place: nothing here is about the disk."""
    place = Path("/dev/shm")
    return place if os.access(place, os.W_OK) else None


class Manager:
    """One run of a manager on a data directory; ``failpoints`` as in ``CUELIGHT_FAILPOINTS``.

    With ``forks`` it comes from a process that has imported everything already; ``prepare`` is called in the child
    before a manager that does not.
    """

    def __init__(
        self,
        data: Path,
        *,
        failpoints: str = "",
        forks: bool = False,
        prepare: Callable[[], None] | None = None,
        **settings: Any,
    ) -> None:
        self.data = data
        self._settings = {"data": str(data), "control": ANY_PORT, "info": ANY_PORT, "documents": ANY_PORT, **settings}
        self._log = data.with_name(f"{data.name}.log")
        self._errors = data.with_name(f"{data.name}.stderr")
        self._environment = {**os.environ, "TEST_DATA_DIRECTORY": str(data)}
        if failpoints:
            self._environment |= {"CUELIGHT_FAULT_TESTS": "1", "CUELIGHT_FAILPOINTS": failpoints}
        self._forks, self._prepare = forks, prepare
        self._requester: Requester | None = None
        self.process: Forked | subprocess.Popen[bytes]
        self.restart()

    def restart(self) -> Manager:
        """Start the process, the first time or again."""
        self._reports = b""
        self.ready: dict[str, str] = {}
        self.failure = ""
        if self._forks:
            self.process = Forked(json.dumps(self._settings), self._environment, self._log, self._errors)
            self._report_fd = os.dup(self.process.reports.fileno())
            self.process.reports.close()
        else:
            self.process = self._execute()
        return self

    def _program(self) -> list[str]:
        """Return the module to run, and what stands before its ordinary arguments."""
        return ["queue_server"]

    def _execute(self) -> subprocess.Popen[bytes]:
        settings_fd, settings = os.pipe()
        os.write(settings, json.dumps(self._settings).encode())
        os.close(settings)
        self._report_fd, report = os.pipe()
        arguments = ["--settings-fd", str(settings_fd), "--report-fd", str(report)]
        with self._log.open("ab") as log, self._errors.open("ab") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", *self._program(), *arguments],
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=errors,
                pass_fds=(settings_fd, report),
                process_group=0,
                preexec_fn=self._prepare,
            )
        os.close(settings_fd)
        os.close(report)
        return process

    def wait_ready(self, seconds: float = PATIENCE_S) -> bool:
        """Wait until the manager is ready or has ended; return whether it is ready."""
        deadline = Deadline(seconds)
        while not self.ready and not self.failure:
            readable, _, _ = select.select([self._report_fd], [], [], deadline.left_s)
            if not readable:
                raise TimeoutError(f"the manager is neither ready nor dead after {seconds:g} s\n{self.log_end()}")
            data = os.read(self._report_fd, 65536)
            if not data:
                return False
            *lines, self._reports = (self._reports + data).split(b"\n")
            for line in lines:
                report = json.loads(line)
                self.ready = report.get("ready", self.ready)
                self.failure = report.get("failed", self.failure)
        return bool(self.ready)

    def must_be_ready(self) -> Manager:
        """Wait until the manager is ready, and fail if it ends instead."""
        assert self.wait_ready(), f"the manager did not start: {self.failure}\n{self.log_end()}"
        return self

    @property
    def requester(self) -> Requester:
        """A client of this manager."""
        if self._requester is None:
            self._requester = Requester(self.ready["control"], self.ready["info"], lambda: not self.is_alive)
        return self._requester

    @property
    def is_alive(self) -> bool:
        """Whether the process has not ended."""
        return self.process.poll() is None

    def end(self, seconds: float = PATIENCE_S) -> int:
        """Wait until the process has ended; return its exit code."""
        code = self.process.wait(seconds)
        self._drop()
        return code

    def terminate(self, seconds: float = PATIENCE_S) -> int:
        """Ask the manager to end in order, which leaves a busy worker alone."""
        self.process.terminate()
        return self.end(seconds)

    def kill(self) -> None:
        """Kill the manager; its workers live on."""
        self.process.kill()
        self.end()

    def log(self) -> str:
        """Return what the managers of this data directory have logged."""
        return self._log.read_text(errors="replace")

    def log_end(self) -> str:
        """Return the last lines of the log."""
        return "\n".join(self.log().splitlines()[-25:])

    def errors(self) -> str:
        """Return what the managers of this data directory have written to standard error."""
        return self._errors.read_text(errors="replace")

    def _drop(self) -> None:
        if self._requester is not None:
            self._requester.close()
            self._requester = None
        with suppress(OSError):
            os.close(self._report_fd)


def kill_everything_of(data: Path) -> None:
    """Kill every process that belongs to a data directory."""
    kill(*processes_of(str(data)))
