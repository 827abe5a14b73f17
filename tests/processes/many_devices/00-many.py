"""Startup code of a large beamline: 13,000 devices with their components, and plans that take any of them.

How many of each kind stands in `counts.json` beside it.
"""

import json
from pathlib import Path

from bluesky import RunEngine
from bluesky import plan_stubs as bps
from bluesky import preprocessors as bpp
from bluesky_queueserver import parameter_annotation_decorator
from ophyd import Component, Device, Signal
from ophyd.sim import SynAxis
from ophyd_async.core import StandardReadable, soft_signal_rw

_counts = json.loads((Path(__file__).parent / "counts.json").read_text())
SIGNALS, AXES, STAGES, SENSORS = (_counts[kind] for kind in ("signals", "axes", "stages", "sensors"))


class Motor(Device):
    """Two signals."""

    setpoint = Component(Signal, value=0.0)
    readback = Component(Signal, value=0.0)


class Stage(Device):
    """Two motors and a signal: two levels of components."""

    x = Component(Motor)
    y = Component(Motor)
    moving = Component(Signal, value=False)


class Sensor(StandardReadable):
    """One value."""

    def __init__(self, name):
        self.value = soft_signal_rw(float)
        super().__init__(name=name)


RE = RunEngine({})

globals().update({f"signal_{number:05}": Signal(name=f"signal_{number:05}", value=0.0) for number in range(SIGNALS)})
globals().update({f"axis_{number:05}": SynAxis(name=f"axis_{number:05}") for number in range(AXES)})
globals().update({f"stage_{number:05}": Stage(name=f"stage_{number:05}") for number in range(STAGES)})
globals().update({f"sensor_{number:05}": Sensor(f"sensor_{number:05}") for number in range(SENSORS)})


@parameter_annotation_decorator(
    {
        "parameters": {
            "devices": {"annotation": "typing.List[Anything]", "devices": {"Anything": [":?.*"]}},
            "signal": {"annotation": "Some", "devices": {"Some": [f"signal_{number:05}" for number in range(SIGNALS)]}},
        }
    }
)
def look(devices, signal="signal_00000"):
    """One run that reads nothing."""

    @bpp.run_decorator()
    def inner():
        yield from bps.null()

    yield from inner()


def quick(label: str = ""):
    """One run that ends at once."""

    @bpp.run_decorator(md={"label": label})
    def inner():
        yield from bps.null()

    yield from inner()
