"""A simulated experiment with something to find: a crystal behind a mirror, whose bend decides how sharp a peak is.

Photons are counted, so that a longer exposure has less noise; nothing waits for them. Creates the devices once, when
imported.
"""

import csv
import math
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from bluesky import plan_stubs, plans, preprocessors
from bluesky.utils import Msg
from ophyd import Signal
from ophyd.sim import SynAxis, SynSignal

from device_worker.outputs import output_directory, takes_outputs

BEST_BEND = 0.4
"""The bend of the mirror at which the peak is as sharp as the crystal allows."""
SHARPEST = 0.06
"""Full width at half maximum of the sharpest peak, in degrees."""
CURVE: Final = "curve.csv"
"""The file that a rocking curve leaves behind: angle in degrees, and photons."""
CENTER = 0.02
"""Where the peak is, in degrees."""

_RATE = 10_000.0
_BACKGROUND_RATE = 100.0
_BLUR = 0.5
_HALF_RANGE = 0.3
_SIGMA_PER_WIDTH = 1 / (2 * math.sqrt(2 * math.log(2)))

_noise = np.random.default_rng()

crystal_angle = SynAxis(name="crystal_angle", labels={"motors"})
mirror_bend = SynAxis(name="mirror_bend", labels={"motors"})
diode_exposure: Any = Signal(name="diode_exposure", value=1.0)


def width_at(bend: float) -> float:
    """Return the full width at half maximum of the peak at a bend of the mirror, in degrees."""
    return math.hypot(SHARPEST, _BLUR * (bend - BEST_BEND))


def expect_rate(angle: float, bend: float) -> float:
    """Return the photons per second that reach the diode on average; a wide peak is as much lower."""
    width = width_at(bend)
    height = _RATE * SHARPEST / width
    return _BACKGROUND_RATE + height * math.exp(-0.5 * ((angle - CENTER) / (width * _SIGMA_PER_WIDTH)) ** 2)


def _count_photons() -> int:
    rate = expect_rate(crystal_angle.position, mirror_bend.position)
    return int(_noise.poisson(rate * diode_exposure.get()))


# ophyd has no types that fit the protocols of bluesky.
diode: Any = SynSignal(name="diode", func=_count_photons, labels={"detectors"})


def rocking_curve(
    bend: float = 0.0, exposure: float = 1.0, points: int = 25, md: Mapping[str, Any] | None = None
) -> Generator[Msg, Any, Any]:
    """Bend the mirror, count photons while the crystal turns through its peak, and write them into a file.

    Parameters
    ----------
    bend : float
        Bend of the mirror, from -2 to 2.
    exposure : float
        Time for each point in seconds; here it only decides how much noise there is.
    points : int
        Number of points, at least 5.
    md : dict
        Metadata of the run.
    """
    if not -2 <= bend <= 2:
        raise ValueError(f"The mirror bends from -2 to 2, not to {bend}")
    if not exposure > 0:
        raise ValueError(f"The exposure must be more than 0 s, not {exposure}")
    if points < 5:
        raise ValueError(f"A peak needs at least 5 points, not {points}")
    metadata = {"plan_name": "rocking_curve", **(md or {})}
    curve: list[tuple[float, float]] = []

    def note_point(_: str, event: Mapping[str, Any]) -> None:
        curve.append((event["data"]["crystal_angle"], event["data"]["diode"]))

    yield from plan_stubs.mv(mirror_bend, bend, diode_exposure, exposure)
    scan = plans.scan([diode], crystal_angle, -_HALF_RANGE, _HALF_RANGE, num=points, md=metadata)
    yield from preprocessors.subs_wrapper(scan, {"event": [note_point]})
    if takes_outputs():
        _write_curve(output_directory() / CURVE, curve)


def _write_curve(path: Path, curve: list[tuple[float, float]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("crystal_angle", "diode"))
        writer.writerows(curve)
