"""Manager processes without the cost of their imports, for tests that start a hundred of them.

A server process imports the manager once and forks a child for each start, before any thread, loop or socket exists.
The child then goes through the entry of the process as any manager does.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import sys
from multiprocessing.connection import Connection
from pathlib import Path

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["queue_server.__main__", "queue_server.app", "tests.processes.forked"])


class Forked:
    """A forked manager, as much like ``subprocess.Popen`` as the tests need."""

    def __init__(self, settings: str, environment: dict[str, str], log: Path, errors: Path) -> None:
        self.reports, child_reports = _context.Pipe(duplex=False)
        arguments = (settings, environment, child_reports, str(log), str(errors))
        self._process = _context.Process(target=_be_manager, args=arguments)
        self._process.start()
        child_reports.close()
        assert self._process.pid is not None
        self.pid = self._process.pid

    def poll(self) -> int | None:
        """Return the exit code, or None while the process lives."""
        return self._process.exitcode

    def wait(self, timeout: float) -> int:
        """Wait for the end of the process; return its exit code."""
        self._process.join(timeout)
        code = self._process.exitcode
        if code is None:
            raise TimeoutError(f"process {self.pid} did not end within {timeout:g} s")
        return code

    def terminate(self) -> None:
        """Send SIGTERM."""
        self._process.terminate()

    def kill(self) -> None:
        """Send SIGKILL."""
        self._process.kill()


def kill_forked() -> list[int]:
    """Kill the managers that a failed test has left; return which they were."""
    left = multiprocessing.active_children()
    for process in left:
        process.kill()
        process.join()
    return [process.pid or 0 for process in left]


def _be_manager(settings: str, environment: dict[str, str], reports: Connection, log: str, errors: str) -> None:
    os.setpgid(0, 0)
    os.environ.clear()
    os.environ.update(environment)
    for descriptor, file in ((1, log), (2, errors)):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), descriptor)
    reader, writer = os.pipe()
    os.write(writer, settings.encode())
    os.close(writer)
    # The environment is read when the module is loaded, and the functions that are in use stay the same.
    importlib.reload(importlib.import_module("queue_server.failpoints"))
    entry = importlib.import_module("queue_server.__main__")
    sys.argv = ["queue_server", "--settings-fd", str(reader), "--report-fd", str(reports.fileno())]
    sys.exit(entry.main())
