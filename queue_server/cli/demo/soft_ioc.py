"""A soft IOC on loopback, as a process of its own on free ports, and the reading of its process variables."""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

from queue_server.cli.demo.child import see_out
from queue_server.cli.failures import OperationFailedError
from queue_server.cli.render import last_line

START_PATIENCE_S = 30.0
READ_PATIENCE_S = 60.0
_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class SoftIoc:
    """An IOC that serves; it ends when the context ends, or with the process that has started it."""

    directory: Path
    variables: Mapping[str, str]
    process: subprocess.Popen[bytes]

    @classmethod
    def start(cls, directory: Path, prefix: str, log: Path) -> Self:
        """Start ``ioc.py`` of a directory and wait until it serves.

        Raises:
            OperationFailedError: it ended instead, or took too long; the message has its last words.
        """
        variables = _make_variables()
        with log.open("wb") as errors:
            process = _spawn(directory / "ioc.py", prefix, variables, errors)
        ioc = cls(directory, variables, process)
        try:
            _await_ready(process, log)
        except BaseException:
            ioc.stop()
            raise
        return ioc

    def read(self, names: Sequence[str]) -> dict[str, Any]:
        """Return the values of process variables, read by a process that shares nothing with the workers.

        Raises:
            OperationFailedError: one of them cannot be read.
        """
        answer = subprocess.run(
            [sys.executable, str(self.directory / "read_pvs.py"), *names],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env={**os.environ, **self.variables},
            timeout=READ_PATIENCE_S,
            check=False,
        )
        if answer.returncode:
            raise OperationFailedError(f"The IOC cannot be read: {last_line(answer.stderr)}")
        return json.loads(answer.stdout)

    def stop(self) -> None:
        """End the IOC."""
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()
        see_out(self.process)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _make_variables() -> dict[str, str]:
    """Return the variables that keep Channel Access on loopback and away from every other IOC and client."""
    server, repeater = _find_free_ports()
    return {
        "EPICS_CA_SERVER_PORT": str(server),
        "EPICS_CA_REPEATER_PORT": str(repeater),
        "EPICS_CA_NAME_SERVERS": f"{_LOOPBACK}:{server}",
        "EPICS_CA_ADDR_LIST": "",
        "EPICS_CA_AUTO_ADDR_LIST": "NO",
        "EPICS_CAS_SERVER_PORT": str(server),
        "EPICS_CAS_INTF_ADDR_LIST": _LOOPBACK,
        "EPICS_CAS_BEACON_ADDR_LIST": _LOOPBACK,
        "EPICS_CAS_AUTO_BEACON_ADDR_LIST": "NO",
    }


def _find_free_ports() -> tuple[int, int]:
    with socket.socket() as stream, socket.socket(type=socket.SOCK_DGRAM) as datagrams:
        stream.bind((_LOOPBACK, 0))
        datagrams.bind((_LOOPBACK, 0))
        return stream.getsockname()[1], datagrams.getsockname()[1]


def _spawn(program: Path, prefix: str, variables: Mapping[str, str], errors: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, str(program), prefix],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        env={**os.environ, **variables},
        bufsize=0,
        # Ctrl-C is for the demonstration, which ends the IOC last.
        start_new_session=True,
    )


def _await_ready(process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_PATIENCE_S
    # What the libraries of EPICS print comes before.
    while not (line := _read_line(process, deadline)).startswith(b"{"):
        if not line:
            words = last_line(log.read_text(encoding="utf-8", errors="replace")) or "it said nothing"
            extra = " Install what it needs: pip install 'cuelight[epics]'." if "No module named" in words else ""
            raise OperationFailedError(f"The IOC did not start: {words}{extra}")


def _read_line(process: subprocess.Popen[bytes], deadline: float) -> bytes:
    """Return the next line; empty if there is none before the deadline."""
    stream = process.stdout
    if stream is None or not select.select([stream], [], [], max(0.0, deadline - time.monotonic()))[0]:
        return b""
    return stream.readline()
