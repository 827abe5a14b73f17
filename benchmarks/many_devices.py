"""What 13,000 devices cost: the time to open, the lists whole and in pages, and how long status takes meanwhile.

Status is asked all the time, in turns, from the manager with the devices and from a manager that has nothing to do, so
that what the machine itself adds shows in both. The verdict line compares with what is promised.

    python -m benchmarks.many_devices [--rounds 10] [--json]
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
from typing import Any, cast

import msgpack
import orjson

from benchmarks.client import STATUS, Client, client_of
from benchmarks.systems import ROOT, System, running_cuelight

STARTUP = ROOT / "tests" / "processes" / "many_devices"
PATIENCE_S = 120.0
BETWEEN_PROBES_S = 0.002
WHOLE_LIST_S = 2.0
STATUS_MS = 10.0
ITEM_MS = 10.0
PAGE_MS = 50.0


def time_request(client: Client, method: str, encoding: str, params: dict[str, Any]) -> tuple[float, int]:
    """Return the milliseconds until the reply is there, and its size in bytes; reading it is not measured.

    Raises:
        SystemExit: the request was refused.
    """
    request = {"method": method, "params": params}
    frame = orjson.dumps(request) if encoding == "json" else cast("bytes", msgpack.packb(request))
    began = time.perf_counter()
    reply = client.ask_raw(frame)
    took_ms = (time.perf_counter() - began) * 1000
    value = orjson.loads(reply) if encoding == "json" else msgpack.unpackb(reply, strict_map_key=False)
    if not value.get("success", True):
        raise SystemExit(f"{method} was refused: {value['msg']}")
    return took_ms, len(reply)


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
    taken: list[tuple[float, float, float]] = []
    with client_of(busy) as one, client_of(idle) as other:
        while not ended.is_set():
            at = time.monotonic()
            taken.append((at, one.time(STATUS) * 1000, other.time(STATUS) * 1000))
            time.sleep(BETWEEN_PROBES_S)
    print(json.dumps(taken))


@contextmanager
def probing(busy: str, idle: str) -> Iterator[Callable[[], list[tuple[float, float, float]]]]:
    """Start the process; what is given ends it and returns its measurements."""
    command = [sys.executable, "-m", "benchmarks.many_devices", "--probe", busy, idle]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield lambda: json.loads(process.communicate(timeout=PATIENCE_S)[0])
    finally:
        process.kill()
        process.wait()


# --- the phases --------------------------------------------------------------------------------------------------


class Course:
    """Goes through the phases with one system, and keeps them."""

    def __init__(self, system: System, rounds: int) -> None:
        self.system = system
        self.phases: list[Phase] = []
        self._rounds = rounds

    @contextmanager
    def phase(self, name: str) -> Iterator[Phase]:
        """Measure what is done inside the block."""
        phase = Phase(name, time.monotonic())
        yield phase
        phase.end = time.monotonic()
        phase.resident_mb = round(self.system.resident_mb(whole=False), 1)
        self.phases.append(phase)

    def rest(self, name: str) -> None:
        """Do nothing for a while."""
        with self.phase(name):
            time.sleep(1.0)

    def open(self, name: str) -> None:
        """Open the environment."""
        with self.phase(name) as phase:
            phase.times_ms = [self.system.open_environment() * 1000]

    def ask(self, name: str, method: str, encoding: str = "json", *, rounds: int | None = None, **params: Any) -> None:
        """Ask for the same again and again."""
        with self.phase(name) as phase:
            for _ in range(self._rounds if rounds is None else rounds):
                took_ms, phase.size_bytes = time_request(self.system.client, method, encoding, params)
                phase.times_ms.append(took_ms)


def measure(directory: Path, rounds: int) -> dict[str, Any]:
    """Go through all phases."""
    with ExitStack() as stack:
        busy = stack.enter_context(running_cuelight(directory / "busy", STARTUP))
        idle = stack.enter_context(running_cuelight(directory / "idle", STARTUP))
        measurements = stack.enter_context(probing(busy.control, idle.control))
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
    permissions = course.system.client.ask("permissions_get")["user_group_permissions"]
    groups = permissions["user_groups"]
    groups["primary"] = {**groups["primary"], "allowed_devices": [":?^s.*:depth=4"], "forbidden_devices": [":^axis"]}
    course.ask("permissions_set", "permissions_set", rounds=1, user_group_permissions=permissions)
    course.ask("devices_allowed, new permissions", "devices_allowed", rounds=1, **group)
    course.system.close_environment()
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


if __name__ == "__main__":
    main()
