"""The HTTP gateway beside bluesky-httpserver: how many requests each answers, and what readers of streams cost.

Both systems run on this host at once, and the same light client measures them in turn, so that what else the host does
meets both. Ratios are medians of the ratios within one round.

    python -m benchmarks.gateway --peer PYTHON [--rounds 7] [--json]

PYTHON is the interpreter of a virtual environment with bluesky-httpserver 0.0.14 and bluesky-queueserver 0.0.25;
redis-server must be installed. Without --peer only our own figures are taken, and nothing is judged by ratio.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop

from benchmarks.http_load import Site, ask, measure_latencies, measure_rate
from benchmarks.processes import resident_mb
from benchmarks.systems import ANY_HTTP_PORT, Cuelight, missing_parts, running_cuelight, running_httpserver

READERS, STALLED = 200, 20
MOST_P99_FACTOR, MOST_MEMORY_MB = 2.0, 64.0
PACE = 100.0
CHANGES = 5.0
STREAM_ROUND_S = 3.0
ITEM = {"item_type": "plan", "name": "count", "args": [["det1"]], "kwargs": {"num": 1}}
ADD = json.dumps({"pos": "back", "item": ITEM}).encode()


@dataclass(frozen=True)
class Load:
    """One thing to measure, and how many times the rate of the peer is asked for; 0 judges nothing."""

    title: str
    verb: str
    path: str
    body: bytes
    clients: int
    least_ratio: float


LOADS = (
    Load("GET /api/status", "GET", "/api/status", b"", 1, 8.0),
    Load("GET /api/status", "GET", "/api/status", b"", 32, 10.0),
    # Alone, a client waits for its own commit each time; what is asked for is how many changes are taken in a second.
    Load("POST /api/queue/item/add", "POST", "/api/queue/item/add", ADD, 1, 0.0),
    Load("POST /api/queue/item/add", "POST", "/api/queue/item/add", ADD, 32, 10.0),
)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--peer", type=Path, help="interpreter that has bluesky-httpserver")
    parser.add_argument("--rounds", type=int, default=7, help="how often each is measured (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=1.0, help="length of one measurement (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    lacking = missing_parts(options.peer, "bluesky_httpserver.app", "bluesky_queueserver", "uvicorn")
    with tempfile.TemporaryDirectory(prefix="cuelight-benchmark-") as name, ExitStack() as stack:
        directory = Path(name)
        system = stack.enter_context(running_cuelight(directory / "cuelight", http=ANY_HTTP_PORT))
        # The peer has its list of plans from a file, ours from the worker.
        system.open_environment()
        peer = None
        if not lacking:
            peer = stack.enter_context(running_httpserver(directory / "peer", options.peer.absolute()))
        # The client takes part of the time of each request, from both; this loop takes the least.
        rates = uvloop.run(compare_rates(system.site, peer, options.rounds, options.seconds))
        # Its clock has whole milliseconds only, which is too coarse for times.
        streams = asyncio.run(measure_streams(system, max(options.rounds - 2, 1)))
    result = {"peer_absent": lacking, "rates": rates, "streams": streams}
    sys.stdout.write((json.dumps(result, indent=2) if options.json else show(result)) + "\n")


# --- rates ----------------------------------------------------------------------------------------------------------


async def compare_rates(ours: Site, peer: Site | None, rounds: int, seconds: float) -> list[dict[str, Any]]:
    """Return the rates of both for every load, measured in turn."""
    rates: dict[tuple[Load, Site], list[float]] = {}
    sites = [ours] if peer is None else [ours, peer]
    for _ in range(rounds):
        sites.reverse()
        for load in LOADS:
            for site in sites:
                if load.body:
                    await ask(site, "POST", "/api/queue/clear")
                request = site.request(load.verb, load.path, load.body)
                rates.setdefault((load, site), []).append(await measure_rate(site, request, load.clients, seconds))
    return [_summarise(load, rates[load, ours], rates[load, peer] if peer else []) for load in LOADS]


def _summarise(load: Load, ours: list[float], peer: list[float]) -> dict[str, Any]:
    ratios = [mine / theirs for mine, theirs in zip(ours, peer, strict=True)] if peer else []
    return {
        "load": load.title,
        "clients": load.clients,
        "ours_per_s": round(statistics.median(ours), 1),
        "peer_per_s": round(statistics.median(peer), 1) if peer else None,
        "ratio": round(statistics.median(ratios), 2) if ratios else None,
        "least_ratio": load.least_ratio,
    }


# --- streams --------------------------------------------------------------------------------------------------------


async def measure_streams(system: Cuelight, rounds: int) -> dict[str, Any]:
    """Return how long requests take without and with readers while the queue changes, and what readers cost in memory.

    One item is added every 0.2 s; the requests whose times count are paced and are answered by gateway and manager.
    """
    latencies: dict[bool, list[float]] = {False: [], True: []}
    memory_mb: list[float] = []
    frames = lost = 0
    site, pid = system.site, system.ready["pids"]["gateway"]
    await _time_requests(site, 1.0)
    for _ in range(rounds):
        await ask(site, "POST", "/api/queue/clear")
        latencies[False].append(_p99(await _time_requests(site, STREAM_ROUND_S)))
        before_mb = resident_mb(pid)
        await ask(site, "POST", "/api/queue/clear")
        with reading(site) as seen:
            # What connecting costs is over by then.
            await asyncio.sleep(0.5)
            latencies[True].append(_p99(await _time_requests(site, STREAM_ROUND_S)))
            memory_mb.append(resident_mb(pid) - before_mb)
        frames += seen["frames"]
        lost += seen["lost"]
    without_ms, with_ms = statistics.median(latencies[False]), statistics.median(latencies[True])
    return {
        "readers": READERS,
        "stalled": STALLED,
        "p99_without_ms": round(without_ms, 2),
        "p99_with_ms": round(with_ms, 2),
        "factor": round(with_ms / without_ms, 2),
        "most_more_memory_mb": round(max(memory_mb), 1),
        "frames_read": frames,
        "readers_lost": lost,
    }


async def _time_requests(site: Site, seconds: float) -> list[float]:
    status, queue = site.request("GET", "/api/status"), site.request("GET", "/api/queue/item/get")
    add = site.request("POST", "/api/queue/item/add", ADD)
    await ask(site, "POST", "/api/queue/item/add", ADD)
    timed = await asyncio.gather(
        measure_latencies(site, status, PACE, seconds),
        measure_latencies(site, queue, PACE, seconds),
        measure_latencies(site, add, CHANGES, seconds),
    )
    return [*timed[0], *timed[1]]


def _p99(times_ms: list[float]) -> float:
    return sorted(times_ms)[int(0.99 * (len(times_ms) - 1))]


@contextmanager
def reading(site: Site) -> Generator[dict[str, int]]:
    """Have all readers connected; afterwards the value given holds what they saw."""
    command = [sys.executable, "-m", "benchmarks.http_readers", site.address, site.key, str(READERS), str(STALLED)]
    seen: dict[str, int] = {}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        if not process.stdout.readline():
            raise SystemExit("The readers of the stream could not connect.")
        yield seen
        process.stdin.close()
        seen.update(json.loads(process.stdout.readline()))


# --- the table ------------------------------------------------------------------------------------------------------


def show(result: dict[str, Any]) -> str:
    """Return the figures as a table, and a verdict."""
    lines = [f"{'requests per second':<28}{'clients':>8}{'Cuelight':>12}{'peer':>12}{'ratio':>9}{'wanted':>9}"]
    failures: list[str] = []
    for row in result["rates"]:
        peer, ratio = row["peer_per_s"], row["ratio"]
        figures = f"{row['load']:<28}{row['clients']:>8}{row['ours_per_s']:>12,.0f}"
        compared = f"{'-':>12}{'-':>9}" if ratio is None else f"{peer:>12,.0f}{ratio:>8.1f}x"
        wanted = f"{row['least_ratio']:>8.0f}x" if row["least_ratio"] else f"{'-':>9}"
        lines.append(f"{figures}{compared}{wanted}")
        if ratio is not None and ratio < row["least_ratio"]:
            failures.append(f"{row['load']} with {row['clients']} clients is {ratio:.1f}x")
    streams = result["streams"]
    p99 = f"{streams['p99_without_ms']:.1f} ms without, {streams['p99_with_ms']:.1f} ms with: {streams['factor']:.2f}x"
    lines += [
        "",
        f"{streams['readers']} readers, {streams['stalled']} of them stalled; {CHANGES:g} changes per second",
        f"  frames                  {streams['frames_read']} read, {streams['readers_lost']} readers lost",
        f"  p99 of other requests   {p99} (wanted < {MOST_P99_FACTOR:g}x)",
        f"  memory                  {streams['most_more_memory_mb']:+.1f} MB (wanted < {MOST_MEMORY_MB:g} MB)",
        "",
    ]
    if streams["factor"] >= MOST_P99_FACTOR:
        failures.append(f"readers make the p99 {streams['factor']:.2f}x")
    if streams["most_more_memory_mb"] >= MOST_MEMORY_MB:
        failures.append(f"readers take {streams['most_more_memory_mb']:.0f} MB")
    if streams["readers_lost"]:
        failures.append(f"{streams['readers_lost']} readers that do read were lost")
    if result["peer_absent"]:
        lines.append(f"The peer is absent ({result['peer_absent']}): nothing can be said about the ratios.")
    verdict = f"FAILED: {'; '.join(failures)}" if failures else "PASSED"
    lines.append(f"VERDICT: {verdict}{' without the comparison' if result['peer_absent'] and not failures else ''}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
