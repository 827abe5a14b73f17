"""Scanners at a gateway: what each connected one costs, and how quickly a scan begins, ends and delivers its data.

Scanners made with the kit connect to a whole system on free ports and wait; one of them scans. Times are those that a
client of the manager sees: from its request until the program of the scanner is called, and from the end of that
program until the event that the scan is recorded, with and without a large file.

    python -m benchmarks.scanners [--scanners 0 10 50] [--rounds 20] [--megabytes 64] [--idle 10] [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.processes import processor_s, resident_mb
from benchmarks.systems import ANY_HTTP_PORT, running_cuelight
from device_worker.remote import Credentials, Scan, Scanner
from queue_server.client import RunControl
from queue_server.client.notices import EVENT_TOPIC

PATIENCE_S = 120.0
SETTLE_S = 2.0
PROCESSES = ("manager", "gateway")
USER = {"user": "benchmark", "user_group": "primary"}


@dataclass
class Program:
    """What the scanners do: nothing, or the upload of so many bytes. It keeps when each scan began and ended."""

    content: bytes = b""
    begun: dict[str, float] = field(default_factory=dict[str, float])
    ended: dict[str, float] = field(default_factory=dict[str, float])

    async def __call__(self, scan: Scan) -> None:
        """Carry out one scan."""
        self.begun[scan.id] = time.monotonic()
        if self.content:
            await scan.upload("raw.mrd", self.content)
        self.ended[scan.id] = time.monotonic()


class Operator:
    """Registers scanners and lets them scan, as a client that sees every event."""

    def __init__(self, client: RunControl) -> None:
        self._client = client
        self._notices = client.notices([EVENT_TOPIC])

    def make_devices(self, count: int) -> list[Credentials]:
        """Register devices."""
        made = [self._ask("device_create", name=f"MR {number}", description="benchmark") for number in range(count)]
        return [Credentials(each["device_id"], each["device_token"]) for each in made]

    def wait_for_devices(self, credentials: Sequence[Credentials]) -> None:
        """Wait until all of them are ready."""
        waiting = {each.device_id for each in credentials}
        deadline = time.monotonic() + PATIENCE_S
        while waiting:
            if time.monotonic() > deadline:
                raise SystemExit(f"{len(waiting)} scanners did not connect.")
            time.sleep(0.2)
            waiting = {
                each for each in waiting if self._ask("device_get", device_id=each)["device"]["status"] != "ONLINE"
            }

    def scan(self, lane: str, uploads: int) -> tuple[str, float, float]:
        """Let a scan run; return its uid, when it was asked for, and when its end was told."""
        kwargs = {"sequence": {"seq_file": "benchmark"}, "expected_uploads": uploads}
        item = {"item_type": "acquisition", "name": "scan", "kwargs": kwargs}
        asked = time.monotonic()
        uid = self._ask("queue_item_add", item=item, lane=lane, **USER)["item"]["item_uid"]
        while True:
            notice = self._notices.receive(PATIENCE_S)
            if notice is None:
                raise SystemExit("A scan did not end.")
            event = notice.payload
            if event.get("item_uid") == uid and event["kind"] == "item_finished":
                if event["data"]["outcome"] != "completed":
                    raise SystemExit(f"A scan has ended as {event['data']['outcome']}.")
                return uid, asked, time.monotonic()

    def _ask(self, method: str, **params: Any) -> dict[str, Any]:
        return self._client.send_request(method=method, params=params)


@contextmanager
def connected(url: str, credentials: Sequence[Credentials], program: Program) -> Iterator[None]:
    """Let scanners serve inside the block, in a thread of their own."""
    loop, ending = asyncio.new_event_loop(), asyncio.Event()

    async def serve() -> None:
        tasks = [asyncio.create_task(Scanner(url, each, program).serve()) for each in credentials]
        await ending.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(ending.set)
        thread.join()
        loop.close()


def measure(count: int, rounds: int, megabytes: int, idle_s: float) -> dict[str, Any]:
    """Return the figures with so many scanners."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cuelight-benchmark-")))
        ready = stack.enter_context(running_cuelight(directory / "system", http=ANY_HTTP_PORT)).ready
        client = stack.enter_context(RunControl(ready["control"], ready["info"], timeout_s=PATIENCE_S))
        operator, program = Operator(client), Program()
        credentials = operator.make_devices(count)
        url = ready["http"].replace("http", "ws", 1) + "/api/v1/device/ws"
        stack.enter_context(connected(url, credentials, program))
        operator.wait_for_devices(credentials)
        time.sleep(SETTLE_S)
        result = {"scanners": count, **measure_rest(ready["pids"], idle_s)}
        if credentials:
            result |= measure_scans(operator, credentials[0].device_id, program, rounds, megabytes)
    return result


def measure_rest(pids: dict[str, Any], idle_s: float) -> dict[str, Any]:
    """Return memory, threads, open files, and the part of a processor, of both processes while nothing happens."""
    before = {name: processor_s(pids[name]) for name in PROCESSES}
    began = time.monotonic()
    time.sleep(idle_s)
    lasted_s = time.monotonic() - began
    return {
        name: {
            "resident_mb": round(resident_mb(pids[name]), 1),
            "cpu_percent": round(100 * (processor_s(pids[name]) - before[name]) / lasted_s, 2),
            "threads": len(os.listdir(f"/proc/{pids[name]}/task")),
            "open_files": len(os.listdir(f"/proc/{pids[name]}/fd")),
        }
        for name in PROCESSES
    }


def measure_scans(operator: Operator, lane: str, program: Program, rounds: int, megabytes: int) -> dict[str, Any]:
    """Return the times of scans without data, and how fast data arrive."""
    starts, ends = [], []
    for _ in range(rounds):
        uid, asked, told = operator.scan(lane, 0)
        starts.append(program.begun[uid] - asked)
        ends.append(told - program.ended[uid])
    program.content = os.urandom(megabytes * 1024**2)
    rates = []
    for _ in range(max(rounds // 5, 1)):
        uid, _, told = operator.scan(lane, 1)
        rates.append(megabytes / (told - program.begun[uid]))
    program.content = b""
    return {"start_ms": _describe(starts), "end_ms": _describe(ends), "upload_mb_s": round(statistics.median(rates), 1)}


def _describe(times_s: list[float]) -> dict[str, float]:
    return {"median": round(1000 * statistics.median(times_s), 2), "max": round(1000 * max(times_s), 2)}


def show(results: list[dict[str, Any]]) -> str:
    """Return the figures as a table."""
    words = ("manager MB", "gateway MB", "manager %", "gateway %", "threads", "files")
    rows = [f"{'scanners':>8}{''.join(f'{word:>12}' for word in words)}{'start ms':>16}{'end ms':>16}{'MB/s':>8}"]
    for each in results:
        manager, gateway = each["manager"], each["gateway"]
        figures = [part[name] for name in ("resident_mb", "cpu_percent") for part in (manager, gateway)]
        figures += [gateway["threads"], gateway["open_files"]]
        times = [f"{each[key]['median']}/{each[key]['max']}" if key in each else "" for key in ("start_ms", "end_ms")]
        row = f"{each['scanners']:>8}{''.join(f'{figure:>12}' for figure in figures)}"
        rows.append(f"{row}{''.join(f'{time:>16}' for time in times)}{each.get('upload_mb_s', ''):>8}")
    return "\n".join(
        [*rows, "Times: median/max. %: of one processor while nothing happens. Threads, files: of the gateway."]
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--scanners", type=int, nargs="+", default=[0, 10, 50], help="how many (default: 0 10 50)")
    parser.add_argument("--rounds", type=int, default=20, help="scans without data (default: %(default)s)")
    parser.add_argument("--megabytes", type=int, default=64, help="size of an upload (default: %(default)s)")
    parser.add_argument("--idle", type=float, default=10.0, help="seconds of rest (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    # While many connect at once, those for which there is no room are told to try later.
    logging.getLogger("device_worker.remote").setLevel(logging.CRITICAL)
    results = [measure(count, options.rounds, options.megabytes, options.idle) for count in options.scanners]
    sys.stdout.write((json.dumps(results, indent=2) if options.json else show(results)) + "\n")


if __name__ == "__main__":
    main()
