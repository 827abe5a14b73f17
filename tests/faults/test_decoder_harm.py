"""Z2, Z3: no message makes the decoder fail, take long, or take more memory than the message itself is worth."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.tiers import rounds

ROOT = Path(__file__).parents[2]
SEED = 60635
FEW, FEW_SECONDS = 20_000, 30
RUNS = rounds(FEW, 10_000_000)
# An hour, if somebody has it: CUELIGHT_FUZZ_SECONDS=3600.
SECONDS = int(os.environ.get("CUELIGHT_FUZZ_SECONDS", rounds(FEW_SECONDS, 1800)))
MOST_MS = 50
MOST_GROWTH_MB = 8


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


def check_mutations(figure, runs, seconds):
    done = run("tests.faults.decoder_fuzz", "mutate", runs, seconds, SEED)
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout)
    figure(
        f"frames changed at random, uncaught or slow ones (seed {SEED})", f"{runs:,}, 0", f"{sum(told.values()):,}, 0"
    )
    assert told["refused"] > 0
    assert told["accepted"] > 0


def test_some_thousand_changed_frames_do_no_harm(figure):
    check_mutations(figure, FEW, FEW_SECONDS)


@pytest.mark.night
@pytest.mark.timeout(SECONDS + 300)
@pytest.mark.fault("Z2")
def test_millions_of_inputs_do_no_harm(figure, tmp_path):
    """With Atheris where it is installed, else with random changes of the corpus."""
    if importlib.util.find_spec("atheris") is None:
        check_mutations(figure, RUNS, SECONDS)
        return
    done = run("tests.faults.decoder_fuzz", "atheris", RUNS, SECONDS, SEED, tmp_path / "corpus")
    assert done.returncode == 0, done.stderr[-4000:]
    told = dict(line.split()[:2] for line in done.stderr.splitlines() if line.startswith("stat::"))
    inputs = int(told["stat::number_of_executed_units:"])
    figure(f"Atheris: inputs, uncaught or slow ones (seed {SEED})", f"{RUNS:,}, 0", f"{inputs:,}, 0")
    assert inputs > FEW


@pytest.mark.fault("Z3")
def test_what_would_cost_time_or_memory_is_refused_at_once(figure):
    done = run("tests.faults.decoder_bombs")
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout)
    slowest = max(told, key=lambda name: told[name]["ms"])
    largest = max(told, key=lambda name: told[name]["growth_mb"])
    figure("slowest refusal, ms", MOST_MS, f"{told[slowest]['ms']:.1f} ({slowest})")
    figure("memory, MB", MOST_GROWTH_MB, f"{told[largest]['growth_mb']:.1f} ({largest})")
    assert all(each["refused"] for each in told.values())
    assert told[slowest]["ms"] <= MOST_MS
    assert told[largest]["growth_mb"] <= MOST_GROWTH_MB
