"""A RunEngine without anything around it: for each line of its input it prints a time in milliseconds.

``gaps``: the median of what passes between the runs of short plans in a loop. ``pause``, ``abort``, ``stop``: how long
the RunEngine takes to pause a plan that waits, to abort one that is paused, and to do both.
"""

from __future__ import annotations

import statistics
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from bluesky import RunEngine
from bluesky.plan_stubs import checkpoint, sleep
from bluesky.plans import count
from bluesky.utils import RunEngineInterrupted
from ophyd.sim import det1  # pyright: ignore[reportAttributeAccessIssue, reportUnknownVariableType]

PLANS = 50


def measure_gaps() -> float:
    """Run plans in a loop."""
    times: list[tuple[str, float]] = []

    def note(name: str, document: dict[str, Any]) -> None:
        if name in ("start", "stop"):
            times.append((name, document["time"]))

    token: int = ENGINE.subscribe(note)
    for _ in range(PLANS):
        ENGINE(count([det1], num=1))
    ENGINE.unsubscribe(token)
    stops = [at for name, at in times if name == "stop"]
    starts = [at for name, at in times if name == "start"]
    return statistics.median((start - stop) * 1000 for stop, start in zip(stops, starts[1:], strict=False))


def wait_long() -> Any:
    """Wait, and be paused."""
    yield from checkpoint()
    yield from sleep(3600)


def pause() -> float:
    """Pause a plan that waits; return how long that took, in milliseconds."""
    began: list[float] = []

    def order() -> None:
        began.append(time.perf_counter())
        ENGINE.request_pause()

    threading.Timer(0.3, order).start()
    try:
        ENGINE(wait_long())
    except RunEngineInterrupted:
        return (time.perf_counter() - began[0]) * 1000
    raise SystemExit("The plan was not paused.")


def measure_pause() -> float:
    """Pause, and clean up."""
    taken = pause()
    ENGINE.abort()
    return taken


def measure_abort() -> float:
    """Abort what is paused."""
    pause()
    began = time.perf_counter()
    ENGINE.abort()
    return (time.perf_counter() - began) * 1000


def measure_stop() -> float:
    """Pause and abort."""
    taken = pause()
    began = time.perf_counter()
    ENGINE.abort()
    return taken + (time.perf_counter() - began) * 1000


MEASURES: dict[str, Callable[[], float]] = {
    "gaps": measure_gaps,
    "pause": measure_pause,
    "abort": measure_abort,
    "stop": measure_stop,
}

ENGINE = RunEngine({}, context_managers=[])
if __name__ == "__main__":
    answers = sys.stdout
    # The RunEngine speaks to people.
    sys.stdout = sys.stderr
    for _ in sys.stdin:
        answers.write(f"{MEASURES[sys.argv[1]]()}\n")
        answers.flush()
