"""A whole system as `cuelight up` starts it: supervisor, manager and worker on a data directory of their own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, Any

from queue_server import supervisor
from queue_server.process import living_workers
from tests.processes.requester import Requester
from tests.processes.waiting import PATIENCE_S, Deadline, kill, processes_of, wait_for_end, wait_for_text, wait_until

ROOT = Path(__file__).parents[2]
STARTUP = Path(__file__).parent / "startup"

UP = """
import json, sys
from queue_server.config import load_settings
from queue_server.supervisor import run
sys.exit(run(load_settings(json.loads(sys.argv[1]))))
"""
READY = "The manager is ready"
ANY_PORT = "tcp://127.0.0.1:0"


def copy_startup(target: Path) -> Path:
    """Return a directory with the light startup code; its journal will lie beside it."""
    target.mkdir(parents=True)
    for file in STARTUP.glob("*.py"):
        shutil.copy(file, target)
    return target


def read_journal(startup: Path) -> list[dict[str, Any]]:
    """Return what has begun: one entry for each run, in order."""
    file = startup / "journal"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


class Output:
    """What a process prints, line by line, as it comes."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._changed = threading.Condition()
        self.lines: list[str] = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        for line in self._stream:
            with self._changed:
                self.lines.append(line.rstrip("\n"))
                self._changed.notify_all()

    def count(self, text: str) -> int:
        """Return how many lines contain ``text``."""
        with self._changed:
            return sum(text in line for line in self.lines)

    def wait_for(self, text: str, times: int = 1, seconds: float = PATIENCE_S) -> None:
        """Wait until ``times`` lines contain ``text``."""
        deadline = Deadline(seconds)
        with self._changed:
            while sum(text in line for line in self.lines) < times:
                deadline.check(f"{times} x {text!r} in the output:\n" + "\n".join(self.lines[-20:]))
                self._changed.wait(deadline.left_s)

    def close(self) -> None:
        """Read the rest."""
        self._thread.join(PATIENCE_S)
        self._stream.close()


class System:
    """Start it, ask it through ``requester``, and close it: then nothing of it may be left."""

    def __init__(self, directory: Path, *, startup: str | Path = "sim", **settings: Any) -> None:
        self.data = Path(settings.get("data", directory / "data"))
        self.startup = Path(startup)
        self.ready_file = directory / f"{self.data.name}-ready.json"
        self._errors = directory / f"{self.data.name}-stderr"
        self._settings = {
            "data": str(self.data),
            "startup": str(startup),
            "control": ANY_PORT,
            "info": ANY_PORT,
            "documents": ANY_PORT,
            "http": "off",
            # Loading one more manager takes the time of every test, and few need it.
            "spare_manager": False,
            "ready_file": str(self.ready_file),
            **settings,
        }
        self._requester: Requester | None = None
        self._process: subprocess.Popen[str] | None = None
        self._outputs: list[Output] = []

    # --- start and end -----------------------------------------------------------------------------------------

    def spawn(self, **settings: Any) -> subprocess.Popen[str]:
        """Start a supervisor and return its process, without waiting for anything."""
        with self._errors.open("a") as errors:
            process = subprocess.Popen(
                [sys.executable, "-c", UP, json.dumps(self._settings | settings)],
                cwd=ROOT,
                env={**os.environ, "TEST_DATA_DIRECTORY": str(self.data)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,
            )
        assert process.stdout is not None
        self._outputs.append(Output(process.stdout))
        return process

    def start(self, seconds: float = PATIENCE_S) -> System:
        """Start a supervisor and wait until its manager is ready."""
        self._process = self.spawn()
        self.wait_ready(1, seconds)
        return self

    def wait_ready(self, times: int, seconds: float = PATIENCE_S) -> None:
        """Wait until this supervisor has had a manager ready for the ``times``-th time."""
        self.output.wait_for(READY, times, seconds)
        wait_until(self.ready_file.exists, "the ready file", seconds)

    def end(self, seconds: float = PATIENCE_S) -> int:
        """Wait until the supervisor has ended by itself; return its exit code."""
        assert self._process is not None
        code = self._process.wait(seconds)
        self._close_requester()
        return code

    def close(self) -> None:
        """End what is left as `cuelight down --workers` does, and check that nothing stays behind."""
        self._close_requester()
        stopped = supervisor.stop(self.data, workers=True) if self.data.exists() else 0
        if self._process is not None:
            self._process.wait(PATIENCE_S)
        left = processes_of(str(self.data))
        kill(*left)
        for output in self._outputs:
            output.close()
        errors = self._errors.read_text() if self._errors.exists() else ""
        assert stopped == 0
        assert left == {}, "processes were left behind"
        assert errors == "", f"something was written to standard error:\n{errors[-4000:]}"

    # --- what it consists of -----------------------------------------------------------------------------------

    @property
    def output(self) -> Output:
        """What the supervisor that was started last, and its managers, have printed."""
        return self._outputs[-1]

    @property
    def ready(self) -> dict[str, Any]:
        """The content of the ready file."""
        return json.loads(self.ready_file.read_text())

    @property
    def is_ready(self) -> bool:
        """Whether there is a ready file."""
        return self.ready_file.exists()

    @property
    def supervisor_pid(self) -> int:
        """The process id of the supervisor."""
        assert self._process is not None
        return self._process.pid

    @property
    def manager_pid(self) -> int:
        """The process id of the manager that is ready."""
        return self.ready["pids"]["manager"]

    @property
    def worker_pid(self) -> int:
        """The process id of the only worker."""
        [pid] = living_workers(self.data / "workers")
        return pid

    @property
    def worker_log(self) -> Path:
        """What the workers of the lane have printed."""
        return self.data / "workers" / "default.log"

    @property
    def requester(self) -> Requester:
        """A client."""
        if self._requester is None:
            self._requester = Requester(self.ready["control"], self.ready["info"])
        return self._requester

    # --- faults ------------------------------------------------------------------------------------------------

    def kill_manager(self) -> float:
        """Kill the manager; return when that was, on the monotonic clock."""
        pid = self.manager_pid
        at = time.monotonic()
        kill(pid)
        return at

    def kill_supervisor(self) -> None:
        """Kill the supervisor alone; manager, gateway and workers live on."""
        kill(self.supervisor_pid)
        assert self._process is not None
        self._process.wait(PATIENCE_S)

    def succeed(self, seconds: float = PATIENCE_S) -> System:
        """Start another supervisor on what the one before has left, and wait until it says that all is ready."""
        self._process = self.spawn()
        pid = self._process.pid
        wait_until(lambda: self.is_ready and self.ready["pids"]["supervisor"] == pid, "the next supervisor", seconds)
        return self

    def stop_supervisor(self) -> None:
        """Freeze the supervisor, so that nothing is restarted."""
        os.kill(self.supervisor_pid, signal.SIGSTOP)

    def continue_supervisor(self) -> None:
        """Let the supervisor go on."""
        os.kill(self.supervisor_pid, signal.SIGCONT)

    def wait_for_worker_text(self, text: str, seconds: float = PATIENCE_S) -> None:
        """Wait until the workers of the lane have printed ``text``."""
        wait_for_text(self.worker_log, text, seconds)

    def kill_everything(self) -> None:
        """Kill supervisor, manager and worker at once, in this order, as a loss of power would."""
        kill(self.supervisor_pid, self.manager_pid, *living_workers(self.data / "workers"))
        assert self._process is not None
        self._process.wait(PATIENCE_S)
        self._close_requester()
        wait_until(lambda: not processes_of(str(self.data)), "the end of all processes")

    def wait_for_worker_end(self, pid: int, seconds: float = PATIENCE_S) -> None:
        """Wait until a worker has ended."""
        wait_for_end(pid, seconds)

    def _close_requester(self) -> None:
        if self._requester is not None:
            self._requester.close()
            self._requester = None
