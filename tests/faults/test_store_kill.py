"""SIGKILL or an error of the disk at any instant: no acknowledged operation is lost, none is done twice, and every
restart succeeds.
"""

from __future__ import annotations

import os
import random
import signal
import time

import pytest

from queue_server import failpoints
from queue_server.storage import sqlite
from tests.faults.criterion import violations
from tests.faults.places import place_in_memory
from tests.faults.store_process import store_process
from tests.faults.tiers import rounds
from tests.faults.witness import Witness

KILLS = rounds(200, 1000)
SEED = int(os.environ.get("CUELIGHT_FAULT_SEED", "20250117"))
SHORTEST_SPAN_S, LONGEST_SPAN_S = 0.08, 0.2
# A child is killed at some instant of the time in which it opens the store and does so many operations.
WARM_UP = 40
ENDLESS = 1_000_000

POINTS = [name for name in failpoints.declared() if name.startswith("store.")]
# Passed only once in the life of a data directory.
AT_CREATION = ["store.before_migration", "store.after_migration", "store.before_marker", "store.after_marker"]
AT_EACH_OPERATION = ["store.begin", "store.before_commit", "store.after_commit"]
AT_START_AND_END = ["store.before_checkpoint", "store.after_checkpoint"]
AT_THE_END = [*AT_START_AND_END, "store.before_close", "store.after_close"]
# A full disk there changes nothing, and the operation can be repeated.
UNDONE = ["store.begin", "store.before_commit"]
ROUNDS = 3


@pytest.fixture(scope="module")
def process():
    with store_process() as started:
        yield started


@pytest.fixture
def place():
    with place_in_memory() as directory:
        yield directory


@pytest.mark.fault("D3", scales=True)
@pytest.mark.timeout(300 + KILLS)
def test_nothing_is_lost_or_doubled_by_kills_at_random_instants(place, figure):
    chance, witness = random.Random(SEED), Witness(SEED)
    job = {"directory": str(place / "data"), "seed": SEED}
    with store_process("preload") as process:
        span_s = _warm_up(process, witness, job)
        for _ in range(KILLS):
            status, reports = process.run(**job, operations=ENDLESS, kill_after_s=chance.uniform(0, span_s))
            assert status == -signal.SIGKILL
            witness.hear(reports)
        status, reports = process.run(**job, operations=10)
        assert (status, reports[-1]) == (0, "closed")
        witness.hear(reports)
    assert violations(place / "data" / "queue.sqlite") == []
    assert witness.operations > KILLS
    reached = f"{KILLS} kills, {witness.openings} openings, {witness.operations} acknowledged, 0 lost, 0 doubled"
    figure("the store alone", f"{KILLS} kills, 0 lost", f"{reached} (seed {SEED})")


def _warm_up(process, witness, job):
    """Return how long a child takes here for opening the store and for some operations."""
    spans_s = []
    for _ in range(3):
        began = time.monotonic()
        status, reports = process.run(**job, operations=WARM_UP)
        spans_s.append(time.monotonic() - began)
        assert status == 0
        witness.hear(reports)
    return min(max(*spans_s, SHORTEST_SPAN_S), LONGEST_SPAN_S)


def _hit(point, round_number):
    if point in AT_EACH_OPERATION:
        return (1, 5, 20)[round_number]
    return (1, 2, 2)[round_number] if point in AT_START_AND_END else 1


def test_the_points_are_those_that_the_rounds_know():
    assert set(POINTS) >= {*AT_CREATION, *AT_EACH_OPERATION, *AT_START_AND_END}
    assert sqlite.__name__


@pytest.mark.parametrize("fault", ["eio", "enospc"])
@pytest.mark.parametrize("point", POINTS)
def test_nothing_is_lost_or_doubled_by_an_error_of_the_disk_at_a_named_instant(point, fault, process, place):
    witness = Witness(SEED)
    job = {"directory": str(place / "data"), "seed": SEED, "operations": 10}
    status, reports = process.run(**job, failpoints=f"{point}={fault}@{_hit(point, 1)}")
    witness.hear(reports)
    errors = [report["error"] for report in reports if isinstance(report, dict) and "error" in report]
    assert (status, errors, reports[-1] == "closed") == (0, *_expected(point, fault))
    status, reports = process.run(**job)
    assert (status, reports[-1]) == (0, "closed")
    witness.hear(reports)
    assert violations(place / "data" / "queue.sqlite") == []


def _expected(point, fault):
    """Return the errors that are met, and whether the store is closed in the end."""
    if point in AT_THE_END:
        return [], True
    if fault == "enospc" and point in UNDONE:
        return ["storage_full"], True
    return ["storage"], False


@pytest.mark.fault("D2")
@pytest.mark.parametrize("point", POINTS)
def test_nothing_is_lost_or_doubled_by_a_kill_at_a_named_instant(point, process, place):
    witness = Witness(SEED)
    for number in range(ROUNDS):
        if point in AT_CREATION:
            witness = Witness(SEED)
        directory = place / (f"data{number}" if point in AT_CREATION else "data")
        job = {"directory": str(directory), "seed": SEED, "operations": 25}
        status, reports = process.run(**job, failpoints=f"{point}=kill@{_hit(point, number)}")
        assert status == -signal.SIGKILL, f"{point} was not passed"
        witness.hear(reports)
        status, reports = process.run(**job | {"operations": 5})
        assert (status, reports[-1]) == (0, "closed")
        witness.hear(reports)
        assert violations(directory / "queue.sqlite") == []
