"""Reads the kernel's records of processes and sockets. It signals nobody, takes no lock, and keeps nothing open."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

from msgspec import Struct

from queue_server.cli.doctor.facts import ProcessFacts

PROCESSES = Path("/proc")

_LISTENING = "0A"
_SOCKET = re.compile(r"socket:\[(\d+)\]")


class Listener(Struct, frozen=True):
    """A TCP socket that listens; ``inode`` is the number by which its process is found."""

    host: str
    port: int
    owner: int
    inode: int


def read_process(pid: int, processes: Path = PROCESSES) -> ProcessFacts | None:
    """Return what the kernel tells of a process, or None if there is none."""
    try:
        fields = (processes / str(pid) / "stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return None
    environ = _read_environ(processes / str(pid))
    unit = _read_unit(processes / str(pid)) if environ.get("SYSTEMD_EXEC_PID") == str(pid) else ""
    watchdog = environ.get("WATCHDOG_USEC", "") if unit else ""
    watchdog_s = int(watchdog) / 1e6 if watchdog.isdigit() and int(watchdog) else None
    return ProcessFacts(pid, fields[0], max(0.0, boot_time() - started_at(fields)), unit, watchdog_s)


def boot_time() -> float:
    """Return seconds since the boot of the host, sleep included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def started_at(fields: list[str]) -> float:
    """Return when a process was started, in seconds since the boot, from its fields behind the name."""
    return int(fields[19]) / os.sysconf("SC_CLK_TCK")


def find_holder(path: Path, processes: Path = PROCESSES) -> int | None:
    """Return the process that a pid file names, if that process lives and has the file open.

    Of processes whose files this user may not see, it is believed.
    """
    try:
        word = path.read_text(errors="replace").strip()
        state = path.stat()
    except OSError:
        return None
    if not word.isascii() or not word.isdecimal() or not (processes / word).exists():
        return None
    try:
        handles = list((processes / word / "fd").iterdir())
    except PermissionError:
        return int(word)
    except OSError:
        return None
    return int(word) if any(_is_same(handle, state) for handle in handles) else None


def find_by_words(program: str, data: Path, processes: Path = PROCESSES) -> int | None:
    """Return the oldest process whose command line has ``program`` and the path of the data directory as words."""
    found: list[int] = []
    for entry in _processes(processes):
        try:
            words = [os.fsdecode(word) for word in (entry / "cmdline").read_bytes().split(b"\0")]
        except OSError:
            continue
        if program in words and str(data) in words:
            found.append(int(entry.name))
    return min(found, default=None)


def name_of(pid: int, processes: Path = PROCESSES) -> str:
    """Return the name of a process, or an empty text."""
    try:
        return (processes / str(pid) / "comm").read_text().strip()
    except OSError:
        return ""


def list_listeners(net: Path = PROCESSES / "net") -> list[Listener]:
    """Return the TCP sockets of this host that listen."""
    found: list[Listener] = []
    for name in ("tcp", "tcp6"):
        with suppress(OSError):
            lines = (net / name).read_text().splitlines()[1:]
            found += [_read_listener(fields) for line in lines if (fields := line.split())[3] == _LISTENING]
    return found


def sockets_of(pid: int, processes: Path = PROCESSES) -> frozenset[int]:
    """Return the inodes of the sockets of a process; none if this user may not see them."""
    found: set[int] = set()
    with suppress(OSError):
        for handle in (processes / str(pid) / "fd").iterdir():
            with suppress(OSError):
                if match := _SOCKET.fullmatch(os.readlink(handle)):
                    found.add(int(match.group(1)))
    return frozenset(found)


def find_socket_holder(inode: int, processes: Path = PROCESSES) -> int | None:
    """Return the process with a socket; None if it belongs to another user."""
    return next(
        (int(entry.name) for entry in _processes(processes) if inode in sockets_of(int(entry.name), processes)), None
    )


def _processes(processes: Path) -> Iterator[Path]:
    with suppress(OSError):
        yield from (entry for entry in processes.iterdir() if entry.name.isdigit())


def _is_same(handle: Path, state: os.stat_result) -> bool:
    try:
        return os.path.samestat(handle.stat(), state)
    except OSError:
        return False


def _read_environ(process: Path) -> dict[str, str]:
    try:
        pairs = (process / "environ").read_bytes().split(b"\0")
    except OSError:
        return {}
    return {os.fsdecode(name): os.fsdecode(value) for name, _, value in (pair.partition(b"=") for pair in pairs)}


def _read_unit(process: Path) -> str:
    try:
        lines = (process / "cgroup").read_text().splitlines()
    except OSError:
        return ""
    names = (line.rpartition("/")[2] for line in lines)
    return next((name for name in names if name.endswith(".service")), "")


def _read_listener(fields: list[str]) -> Listener:
    host, _, port = fields[1].partition(":")
    # Each group of 4 bytes is a number in the order of the host, which is the little-endian one here.
    raw = b"".join(bytes.fromhex(host[at : at + 8])[::-1] for at in range(0, len(host), 8))
    address = IPv4Address(raw) if len(raw) == 4 else IPv6Address(raw)
    return Listener(str(address), int(port, 16), int(fields[7]), int(fields[9]))
