"""What 13,000 devices cost: the time to open, the lists whole and in pages, and how long status takes meanwhile.

Status is asked all the time, in turns, from the manager with the devices and from a manager that has nothing to do, so
that what the machine itself adds shows in both. The verdict line compares with what is promised.

    python benchmarks/many_devices.py [--rounds 10] [--json]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgpack
import orjson
import zmq

STARTUP = Path(__file__).parents[1] / "tests" / "processes" / "many_devices"
PATIENCE_S = 120.0
BETWEEN_PROBES_S = 0.002
WHOLE_LIST_S = 2.0
STATUS_MS = 10.0
ITEM_MS = 10.0
PAGE_MS = 50.0


class Client:
    """Sends a request and measures the time until its reply is there; reading the reply is not measured."""

    def __init__(self, address: str) -> None:
        self._socket = zmq.Context.instance().socket(zmq.DEALER)
        self._socket.set(zmq.LINGER, 0)
        self._socket.connect(address)

    def ask(self, method: str, encoding: str = "json", **params: Any) -> tuple[dict[str, Any], float, int]:
        """Return the reply, the milliseconds that it took, and its size in bytes."""
        request = {"method": method, "params": params}
        frame = orjson.dumps(request) if encoding == "json" else msgpack.packb(request)
        begin = time.perf_counter()
        self._socket.send(frame)
        if not self._socket.poll(PATIENCE_S * 1000):
            raise SystemExit(f"No reply to {method}.")
        reply = self._socket.recv()
        took_ms = (time.perf_counter() - begin) * 1000
        value = orjson.loads(reply) if encoding == "json" else msgpack.unpackb(reply, strict_map_key=False)
        if not value.get("success", True):
            raise SystemExit(f"{method} was refused: {value['msg']}")
        return value, took_ms, len(reply)


@dataclass
class Phase:
    """One thing that is measured: when it was, how long its requests took, and how large their replies were."""

    name: str
    begin: float
    end: float = 0.0
    times_ms: list[float] = field(default_factory=list[float])
    size_bytes: int = 0
    resident_mb: float = 0.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--rounds", type=int, default=10, help="how often each list is asked for (default: %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--probe", nargs=2, metavar="ADDRESS", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.probe:
        probe(*options.probe)
        return
    with tempfile.TemporaryDirectory(prefix="cuelight-benchmark-") as directory:
        result = measure(Path(directory), options.rounds)
    print(json.dumps(result, indent=2) if options.json else show(result))


# --- status, asked from a process of its own ---------------------------------------------------------------------


def probe(busy: str, idle: str) -> None:
    """Ask both managers for their status until standard input ends; then print what was measured."""
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    clients = (Client(busy), Client(idle))
    taken: list[tuple[float, float, float]] = []
    while not ended.is_set():
        at = time.monotonic()
        taken.append((at, clients[0].ask("status")[1], clients[1].ask("status")[1]))
        time.sleep(BETWEEN_PROBES_S)
    print(json.dumps(taken))


@contextmanager
def probing(busy: str, idle: str) -> Iterator[Callable[[], list[tuple[float, float, float]]]]:
    """Start the process; what is given ends it and returns its measurements."""
    command = [sys.executable, __file__, "--probe", busy, idle]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield lambda: json.loads(process.communicate(timeout=PATIENCE_S)[0])
    finally:
        process.kill()
        process.wait()


# --- the phases --------------------------------------------------------------------------------------------------


class Course:
    """Goes through the phases with one client, and keeps them."""

    def __init__(self, ready: dict[str, Any], rounds: int) -> None:
        self.client = Client(ready["control"])
        self.phases: list[Phase] = []
        self._pid = ready["pids"]["manager"]
        self._rounds = rounds

    @contextmanager
    def phase(self, name: str) -> Iterator[Phase]:
        """Measure what is done inside the block."""
        phase = Phase(name, time.monotonic())
        yield phase
        phase.end = time.monotonic()
        phase.resident_mb = resident_mb(self._pid)
        self.phases.append(phase)

    def rest(self, name: str) -> None:
        """Do nothing for a while."""
        with self.phase(name):
            time.sleep(1.0)

    def open(self, name: str) -> None:
        """Open the environment."""
        with self.phase(name) as phase:
            self.client.ask("environment_open")
            self._wait("idle", "idle")
            phase.times_ms = [(time.monotonic() - phase.begin) * 1000]

    def close(self) -> None:
        """Close the environment."""
        self.client.ask("environment_close")
        self._wait("idle", "closed")

    def ask(self, name: str, method: str, encoding: str = "json", *, rounds: int | None = None, **params: Any) -> None:
        """Ask for the same again and again."""
        with self.phase(name) as phase:
            for _ in range(self._rounds if rounds is None else rounds):
                _, took_ms, phase.size_bytes = self.client.ask(method, encoding, **params)
                phase.times_ms.append(took_ms)

    def _wait(self, manager: str, environment: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            status = self.client.ask("status")[0]
            if (status["manager_state"], status["worker_environment_state"]) == (manager, environment):
                return
            time.sleep(0.02)
        raise SystemExit(f"The environment did not become {environment}.")


def measure(directory: Path, rounds: int) -> dict[str, Any]:
    """Go through all phases."""
    with ExitStack() as stack:
        busy = stack.enter_context(running_system(directory / "busy", STARTUP))
        idle = stack.enter_context(running_system(directory / "idle", STARTUP))
        measurements = stack.enter_context(probing(busy["control"], idle["control"]))
        course = Course(busy, rounds)
        go_through(course)
        taken = measurements()
    return {"phases": [summarise(phase, taken) for phase in course.phases]}


def go_through(course: Course) -> None:
    """Open, ask for everything, add items, close, and open again."""
    group: dict[str, Any] = {"user_group": "primary"}
    user: dict[str, Any] = {**group, "user": "benchmark"}
    item = {"item_type": "plan", "name": "look", "args": [["stage_01999.y.readback"], "signal_08999"]}
    course.rest("nothing to do, no devices")
    course.open("environment_open, first")
    course.ask("devices_allowed, first time", "devices_allowed", rounds=1, **group)
    for encoding in ("json", "msgpack"):
        course.ask(f"devices_allowed, {encoding}", "devices_allowed", encoding, **group)
        course.ask(f"plans_allowed, {encoding}", "plans_allowed", encoding, **group)
    course.ask("devices_existing, json", "devices_existing")
    course.ask("devices_page", "devices_page", limit=100, cursor="signal_05000", **group)
    course.ask("item_validate, first", "item_validate", rounds=1, items=[item], **group)
    course.ask("item_validate", "item_validate", items=[item], **group)
    course.ask("queue_item_add", "queue_item_add", item=item, **user)
    course.rest("nothing to do, devices")
    permissions = course.client.ask("permissions_get")[0]["user_group_permissions"]
    groups = permissions["user_groups"]
    groups["primary"] = {**groups["primary"], "allowed_devices": [":?^s.*:depth=4"], "forbidden_devices": [":^axis"]}
    course.ask("permissions_set", "permissions_set", rounds=1, user_group_permissions=permissions)
    course.ask("devices_allowed, new permissions", "devices_allowed", rounds=1, **group)
    course.close()
    course.open("environment_open, again")


# --- figures -----------------------------------------------------------------------------------------------------


def summarise(phase: Phase, taken: list[tuple[float, float, float]]) -> dict[str, Any]:
    """Return the figures of a phase; a status counts that was under way during any part of it."""
    during = [(busy, idle) for at, busy, idle in taken if at <= phase.end and at + (busy + idle) / 1000 >= phase.begin]
    return {
        "name": phase.name,
        "median_ms": round(statistics.median(phase.times_ms), 2) if phase.times_ms else None,
        "max_ms": round(max(phase.times_ms), 2) if phase.times_ms else None,
        "size_bytes": phase.size_bytes,
        "resident_mb": phase.resident_mb,
        "status": describe([busy for busy, _ in during]),
        "status_of_idle": describe([idle for _, idle in during]),
    }


def describe(times_ms: list[float]) -> dict[str, float]:
    """Return median, 99th percentile and maximum."""
    ordered = sorted(times_ms) or [0.0]
    at = {"p50": ordered[len(ordered) // 2], "p99": ordered[int(0.99 * (len(ordered) - 1))], "max": ordered[-1]}
    return {"count": len(times_ms), **{name: round(value, 2) for name, value in at.items()}}


def resident_mb(pid: int) -> float:
    """Return the resident memory of a process."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return round(int(line.split()[1]) / 1024, 1)


def show(result: dict[str, Any]) -> str:
    """Return the figures as a table, and the verdict."""
    head = f"{'':34}{'median':>9}{'max':>9}{'reply':>9}{'status p50/p99/max':>23}{'idle manager':>21}{'RSS':>8}"
    rows = [head]
    for phase in result["phases"]:
        times = "".join(f"{'' if phase[key] is None else f'{phase[key]:.1f}':>9}" for key in ("median_ms", "max_ms"))
        statuses = [
            "/".join(f"{phase[key][at]:.1f}" for at in ("p50", "p99", "max")) for key in ("status", "status_of_idle")
        ]
        size = f"{phase['size_bytes'] / 1e6:.2f} MB" if phase["size_bytes"] > 10_000 else ""
        rows.append(
            f"{phase['name']:34}{times}{size:>9}{statuses[0]:>23}{statuses[1]:>21}{phase['resident_mb']:>6.0f} MB"
        )
    return "\n".join([*rows, "Times in ms.", judge(result)])


def judge(result: dict[str, Any]) -> str:
    """Return the verdict line."""
    phases = {phase["name"]: phase for phase in result["phases"]}
    bounds = {
        "devices_allowed, first time": WHOLE_LIST_S * 1000,
        "devices_allowed, json": WHOLE_LIST_S * 1000,
        "devices_allowed, msgpack": WHOLE_LIST_S * 1000,
        "devices_page": PAGE_MS,
        "item_validate": ITEM_MS,
        "queue_item_add": ITEM_MS,
    }
    broken = [
        f"{name}: {phases[name]['max_ms']:.0f} ms instead of {bound:.0f} ms"
        for name, bound in bounds.items()
        if name in phases and phases[name]["max_ms"] > bound
    ]
    # What the machine takes from an idle manager, it may take from the other one too; so the worst hundredth is left
    # out, and shown in the table.
    broken += [
        f"status during {name}: {phase['status']['p99']:.0f} ms"
        for name, phase in phases.items()
        if phase["status"]["p99"] > STATUS_MS + phase["status_of_idle"]["max"]
    ]
    return f"VERDICT: {'; '.join(broken)}" if broken else "VERDICT: everything is within what is promised"


# --- a system ----------------------------------------------------------------------------------------------------


@contextmanager
def running_system(directory: Path, startup: Path | str, http: str = "off") -> Iterator[dict[str, Any]]:
    """Start a system on free ports, give its ready file, and end everything again."""
    data, ready_file = directory / "data", directory / "ready.json"
    directory.mkdir(parents=True)
    options = ["--data", data, "--startup", startup, "--ready-file", ready_file, "--http", http]
    for socket in ("control", "info", "documents"):
        options += [f"--{socket}", "tcp://127.0.0.1:0"]
    command = [sys.executable, "-m", "queue_server.cli"]
    process = subprocess.Popen([*command, "up", *map(str, options)], stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + PATIENCE_S
        while not ready_file.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("The system did not start.")
            time.sleep(0.02)
        yield json.loads(ready_file.read_text())
    finally:
        subprocess.run([*command, "down", "--data", str(data), "--workers"], check=True)
        process.wait()


if __name__ == "__main__":
    main()
