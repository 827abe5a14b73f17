"""How long an instrument stands still between two plans: Cuelight's queue beside a bare RunEngine in a loop.

Both run the same short plans from the same startup code, each in processes of its own. The dead time is what the
RunEngine itself sees: from the stop document of one run to the start document of the next. Nothing is judged here.

    python benchmarks/dead_time.py [--plans 100] [--json]
"""

from __future__ import annotations

import argparse
import json
import runpy
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

from queue_server.client import RunControl

STARTUP = '''
"""The simulated profile, and a journal of the times of start and stop documents."""

import json
from pathlib import Path

from device_worker.sim.startup import *
from device_worker.sim.startup import RE, count, det1

_journal = (Path(__file__).parent / "journal").open("a", buffering=1)


def _note(name, document):
    if name in ("start", "stop"):
        _journal.write(json.dumps([name, document["time"]]) + "\\n")


RE.subscribe(_note)
'''
PATIENCE_S = 60.0
WARM_UP = 3


def main() -> None:
    """Measure both and print them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--plans", type=int, default=100, help="how many plans to run (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--bare", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.bare:
        run_bare(options.bare, options.plans)
        return
    with tempfile.TemporaryDirectory(prefix="cuelight-benchmark-") as directory:
        bare = measure_bare(Path(directory) / "bare", options.plans)
        queue = measure_queue(Path(directory) / "queue", options.plans)
    more_ms = queue["median_ms"] - bare["median_ms"]
    result = {"plans": options.plans, "bare": bare, "queue": queue, "more_ms": round(more_ms, 3)}
    print(json.dumps(result, indent=2) if options.json else show(result))


def measure_bare(directory: Path, plans: int) -> dict[str, float]:
    """Run the plans in a loop in a process of their own."""
    startup = write_startup(directory)
    command = [sys.executable, __file__, "--bare", str(startup), "--plans", str(plans + WARM_UP)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return summarise(directory, plans)


def run_bare(startup: Path, plans: int) -> None:
    """Be that process."""
    namespace = runpy.run_path(str(startup))
    run_engine, count, detector = namespace["RE"], namespace["count"], namespace["det1"]
    for _ in range(plans):
        run_engine(count([detector], num=1))


def measure_queue(directory: Path, plans: int) -> dict[str, float]:
    """Run the plans through the queue of a system of their own."""
    write_startup(directory)
    with running_system(directory) as run_control:
        run_control.send_request(method="environment_open")
        run_control.wait_for_status(lambda status: status["worker_environment_state"] == "idle", PATIENCE_S)
        item = {"item_type": "plan", "name": "count", "args": [["det1"]], "kwargs": {"num": 1}}
        params = {"items": [item] * (plans + WARM_UP), "user": "benchmark", "user_group": "primary"}
        run_control.send_request(method="queue_item_add_batch", params=params)
        run_control.send_request(method="queue_start")
        run_control.wait_for_status(lambda status: status["items_in_history"] == plans + WARM_UP, PATIENCE_S)
        entries = run_control.send_request(method="history_get", params={"limit": plans})["items"]
    results = [entry["result"] for entry in entries]
    if {result["exit_status"] for result in results} != {"completed"}:
        raise SystemExit("Not every plan completed; the figures would mean nothing.")
    between = [later["time_start"] - earlier["time_stop"] for earlier, later in pairwise(results)]
    return {**summarise(directory, plans), "median_between_items_ms": round(statistics.median(between) * 1000, 3)}


@contextmanager
def running_system(directory: Path) -> Iterator[RunControl]:
    """Start a system on free ports, give a client of it, and end everything again."""
    data, ready_file = directory / "data", directory / "ready.json"
    options = ["--data", data, "--startup", directory / "startup", "--ready-file", ready_file]
    for socket in ("control", "info", "documents"):
        options += [f"--{socket}", "tcp://127.0.0.1:0"]
    command = [sys.executable, "-m", "queue_server.cli"]
    process = subprocess.Popen([*command, "up", *map(str, options)], stdout=subprocess.DEVNULL)
    try:
        wait_for_file(ready_file, process)
        ready = json.loads(ready_file.read_text())
        with RunControl(ready["control"], ready["info"], timeout_s=PATIENCE_S) as run_control:
            yield run_control
    finally:
        subprocess.run([*command, "down", "--data", str(data), "--workers"], check=True)
        process.wait()


def wait_for_file(file: Path, process: subprocess.Popen[bytes]) -> None:
    """Wait until the system has written its ready file."""
    deadline = time.monotonic() + PATIENCE_S
    while not file.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit("The system did not start.")
        time.sleep(0.02)


def write_startup(directory: Path) -> Path:
    """Write the startup code and return its file."""
    startup = directory / "startup" / "00-benchmark.py"
    startup.parent.mkdir(parents=True)
    startup.write_text(STARTUP)
    return startup


def summarise(directory: Path, plans: int) -> dict[str, float]:
    """Return the figures of the last ``plans`` runs that the journal holds."""
    journal = [json.loads(line) for line in (directory / "startup" / "journal").read_text().splitlines()]
    starts = [at for name, at in journal if name == "start"][-plans:]
    stops = [at for name, at in journal if name == "stop"][-plans:]
    gaps_ms = sorted((start - stop) * 1000 for stop, start in zip(stops, starts[1:], strict=False))
    return {
        "median_ms": round(statistics.median(gaps_ms), 3),
        "p95_ms": round(gaps_ms[int(0.95 * (len(gaps_ms) - 1))], 3),
        "max_ms": round(gaps_ms[-1], 3),
        "wall_s": round(stops[-1] - starts[0], 3),
    }


def show(result: dict[str, Any]) -> str:
    """Return the figures as a table."""
    rows = [f"{'from stop to next start':<26}{'median':>10}{'p95':>10}{'max':>10}{'all plans':>12}"]
    for name, title in (("bare", "bare RunEngine in a loop"), ("queue", "Cuelight's queue")):
        figures = result[name]
        times = "".join(f"{figures[key]:>7.2f} ms" for key in ("median_ms", "p95_ms", "max_ms"))
        rows.append(f"{title:<26}{times}{figures['wall_s']:>10.2f} s")
    rows.append(f"The queue adds {result['more_ms']:.2f} ms to the median ({result['plans']} plans).")
    return "\n".join(rows)


if __name__ == "__main__":
    main()
