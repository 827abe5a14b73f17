"""Whether the time of a piece of work tells which of two classes its input is of: Welch's t of interleaved samples.

After Reparaz, Balasch and Verbauwhede, "Dude, is my code constant time?" (2017): the classes are drawn at random, and
the t-test is repeated on what is left below several percentiles, because interruptions only lengthen samples.
"""

from __future__ import annotations

import gc
import math
import random
import statistics
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")

PERCENTILES = 100
WARM_UP = 500
_LEAST_LEFT = 1000


def sample(
    work: Callable[[T], object],
    prepare: Callable[[str], T],
    texts: tuple[Sequence[str], Sequence[str]],
    seed: int,
) -> list[list[int]]:
    """Return the times of ``work`` with what is prepared from the texts of both classes, in nanoseconds.

    Which class is next is drawn at random; each text is used at most once. Nothing but the characters of a text may
    tell its class. So both go through one function object, for CPython keeps a faster path to the one that it has met
    first. And what is given to it is made from a copy just before, for texts that have lain in the memory for long are
    more or less far from the processor, which depends on their neighbours.
    """
    draws = random.Random(seed).choices((0, 1), k=min(map(len, texts)))
    times: list[list[int]] = [[], []]
    gc.collect()
    gc.disable()
    try:
        for number, drawn in enumerate(draws):
            given = prepare(texts[drawn][number].encode().decode())
            started = time.perf_counter_ns()
            work(given)
            spent = time.perf_counter_ns() - started
            if number >= WARM_UP:
                times[drawn].append(spent)
    finally:
        gc.enable()
    return times


def welch(first: Sequence[float], second: Sequence[float]) -> float:
    """Return Welch's t of two samples."""
    spread = statistics.variance(first) / len(first) + statistics.variance(second) / len(second)
    return (statistics.fmean(first) - statistics.fmean(second)) / math.sqrt(spread) if spread else 0.0


def largest_t(times: list[list[int]]) -> float:
    """Return the largest ``|t|`` of all percentiles at which the samples are cropped, and of the whole."""
    pooled = sorted(times[0] + times[1])
    cuts = [pooled[int(len(pooled) * (1 - 0.5 ** (10 * (each + 1) / PERCENTILES)))] for each in range(PERCENTILES)]
    found = [abs(welch(times[0], times[1]))]
    for cut in dict.fromkeys(cuts):
        kept = [[spent for spent in each if spent < cut] for each in times]
        if min(map(len, kept)) >= _LEAST_LEFT:
            found.append(abs(welch(kept[0], kept[1])))
    return max(found)
