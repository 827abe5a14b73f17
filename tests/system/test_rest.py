"""A system at rest wakes up seldom: nothing in it polls, and what is due each second is due at the same time."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

WINDOW_S = 3.0
WINDOWS = 3
# The manager wakes for what is due in each second, for the store, which answers its sign of life, and with an open
# environment for the worker's; between its threads the interpreter may be handed over a few times more.
CLOSED_PER_S = 7.0
OPEN_PER_S = 12.0
# All its threads together: each of ophyd's threads alone would look ten times.
WORKER_PER_S = 30.0


def count_waits(pid, *, whole=False):
    """Return how often the main thread of a process, or all of it, has begun to wait."""
    threads = Path(f"/proc/{pid}/task").iterdir() if whole else [Path(f"/proc/{pid}/task/{pid}")]
    statuses = [(thread / "status").read_text() for thread in threads]
    return sum(int(status.partition("\nvoluntary_ctxt_switches:")[2].split()[0]) for status in statuses)


def measure_waits(pid, *, whole=False):
    """Return how often per second in the quietest of some windows: what a start leaves behind does not count."""
    rates = []
    for _ in range(WINDOWS):
        before, began = count_waits(pid, whole=whole), time.monotonic()
        time.sleep(WINDOW_S)
        rates.append((count_waits(pid, whole=whole) - before) / (time.monotonic() - began))
    return min(rates)


@pytest.fixture
def sim_system(make_system):
    """A system with the simulated profile, whose worker has the threads of ophyd."""
    return make_system(startup="sim").start()


def test_manager_and_worker_wake_up_seldom(sim_system):
    closed = measure_waits(sim_system.manager_pid)
    assert 0 < closed <= CLOSED_PER_S
    sim_system.requester.open()
    assert closed / 2 <= measure_waits(sim_system.manager_pid) <= OPEN_PER_S
    assert 0 < measure_waits(sim_system.worker_pid, whole=True) <= WORKER_PER_S
