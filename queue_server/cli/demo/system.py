"""The system of the demonstration: found running in its data directory, or started there and ended again."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from queue_server.cli.failures import OperationFailedError
from queue_server.cli.render import last_line
from queue_server.client import CommunicationError, RunControl
from queue_server.client.addresses import read_ready_file

START_PATIENCE_S = 60.0
_LOOK_AGAIN_S = 0.05
_FREE_PORT = "tcp://127.0.0.1:0"
_DEFAULT_PORTS = {"--control": 60615, "--info": 60625, "--documents": 60635, "--http": 60610}


@dataclass
class System:
    """A supervisor on a data directory; ``process`` is None if somebody else has started it."""

    data: Path
    control: str
    info: str
    http: str | None = None
    process: subprocess.Popen[bytes] | None = None

    @property
    def ready_file(self) -> Path:
        """Where its addresses are written."""
        return ready_file_in(self.data)

    def stop(self) -> None:
        """End everything that this process has started, workers too.

        Raises:
            OperationFailedError: something does not end.
        """
        from queue_server import supervisor

        if self.process is None:
            return
        if supervisor.stop(self.data, workers=True):
            raise OperationFailedError(f"Something is left running; see {log_file_in(self.data)}.")
        self.process.wait()


def ready_file_in(data: Path) -> Path:
    """Return the ready file of a demonstration."""
    return data / "ready.json"


def log_file_in(data: Path) -> Path:
    """Return the log of supervisor and manager of a demonstration."""
    return data / "system.log"


def find_system(data: Path) -> System | None:
    """Return the system that an earlier demonstration has left running, or None."""
    try:
        ready = read_ready_file(ready_file_in(data), required=False)
        if not ready or not _is_alive(ready["pids"]["supervisor"]):
            return None
        with RunControl(ready["control"], ready["info"]) as run_control:
            run_control.send_request(method="status")
    except (CommunicationError, KeyError):
        return None
    return System(data, ready["control"], ready["info"], ready["http"])


def start_system(
    data: Path, startup: str = "sim", variables: Mapping[str, str] | None = None, lanes: Sequence[str] = ()
) -> System:
    """Start a system with this startup code and wait until it serves.

    Args:
        data: its data directory.
        startup: what the worker of the lane default loads.
        variables: added to its environment.
        lanes: further lanes, each as ``--lane`` takes it.

    Raises:
        OperationFailedError: it ended instead, or took too long; the message has its last words.
    """
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    options = ["--startup", startup, *(word for lane in lanes for word in ("--lane", lane))]
    try:
        addresses = {option: _address(port) for option, port in _DEFAULT_PORTS.items()}
        return _start(data, options, variables or {}, addresses)
    except PortTakenError:
        # Somebody else was quicker between the look at the port and its use.
        return _start(data, options, variables or {}, dict.fromkeys(_DEFAULT_PORTS, _FREE_PORT))


class PortTakenError(OperationFailedError):
    """An address of the system is in use."""


def _start(data: Path, options: Sequence[str], variables: Mapping[str, str], addresses: Mapping[str, str]) -> System:
    ready_file_in(data).unlink(missing_ok=True)
    with log_file_in(data).open("wb") as log:
        process = _spawn(data, log, options, variables, addresses)
    try:
        _await_ready_file(process, data)
        ready = read_ready_file(ready_file_in(data))
    except BaseException:
        process.terminate()
        process.wait()
        raise
    return System(data, ready["control"], ready["info"], ready["http"], process)


def _await_ready_file(process: subprocess.Popen[bytes], data: Path) -> None:
    deadline = time.monotonic() + START_PATIENCE_S
    while not ready_file_in(data).exists():
        if _ends_within(process, _LOOK_AGAIN_S) or time.monotonic() > deadline:
            raise explain_failed_start(log_file_in(data).read_text(encoding="utf-8", errors="replace"))


def explain_failed_start(log: str) -> OperationFailedError:
    """Return the error that tells why a system has not started, as its log says: `PortTakenError` if for its ports."""
    # What cannot be started ends the others, which say so behind it.
    taken = next((line for line in log.splitlines() if "Address already in use" in line), "")
    if taken:
        return PortTakenError(f"Cuelight did not start: {taken}")
    return OperationFailedError(f"Cuelight did not start: {last_line(log) or 'it said nothing'}")


def _spawn(
    data: Path, log: IO[bytes], options: Sequence[str], variables: Mapping[str, str], addresses: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    addresses = {**addresses, "--http": addresses["--http"].removeprefix("tcp://")}
    words = [word for pair in addresses.items() for word in pair]
    places = ["--data", str(data), "--ready-file", str(ready_file_in(data))]
    # Settings of the caller's shell are meant for another system.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("CUELIGHT_")}
    return subprocess.Popen(
        [sys.executable, "-m", "queue_server.cli", "up", *places, *options, *words],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        env={**environ, **variables},
        start_new_session=True,
    )


def _address(port: int) -> str:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return _FREE_PORT
    return f"tcp://127.0.0.1:{port}"


def _ends_within(process: subprocess.Popen[bytes], seconds: float) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
