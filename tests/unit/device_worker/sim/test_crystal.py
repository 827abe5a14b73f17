"""The simulated crystal: the peak is where and as wide as it says, and photons are counted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from bluesky import RunEngine

from device_worker.sim.crystal import BEST_BEND, CENTER, SHARPEST, expect_rate, rocking_curve, width_at


def measure(**arguments):
    """Return angles and counts of one rocking curve."""
    points: list[Any] = []

    def note(name: str, document: Any) -> None:
        if name == "event":
            points.append(document["data"])

    RunEngine({}, context_managers=[])(rocking_curve(**arguments), note)
    return [point["crystal_angle"] for point in points], [point["diode"] for point in points]


def test_the_peak_is_sharpest_at_the_best_bend():
    widths = [width_at(bend) for bend in np.linspace(-1, 1, 201)]
    assert min(widths) == pytest.approx(SHARPEST)
    assert width_at(BEST_BEND) == SHARPEST


@pytest.mark.parametrize("bend", [BEST_BEND, 0.0, -1.0])
def test_half_of_the_height_is_reached_half_a_width_away(bend):
    background = expect_rate(1e6, bend)
    height = expect_rate(CENTER, bend) - background
    half = expect_rate(CENTER + width_at(bend) / 2, bend) - background
    assert half == pytest.approx(height / 2)


def test_a_rocking_curve_counts_photons_through_the_peak():
    angles, counts = measure(bend=BEST_BEND, exposure=10.0, points=101)
    assert (angles[0], angles[-1], len(angles)) == (-0.3, 0.3, 101)
    assert all(isinstance(count, int) for count in counts)
    assert angles[int(np.argmax(counts))] == pytest.approx(CENTER, abs=0.021)


@pytest.mark.parametrize(
    ("arguments", "words"), [({"bend": 3}, "bends"), ({"exposure": 0}, "exposure"), ({"points": 4}, "points")]
)
def test_what_cannot_be_measured_is_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        measure(**arguments)
