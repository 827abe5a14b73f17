"""Simulated devices with components, beside those that ophyd brings. Creates the hardware once, when imported."""

from __future__ import annotations

from types import SimpleNamespace

from ophyd import Component, Device, Signal
from ophyd.sim import MockFlyer, SynAxis, SynGauss, hw
from ophyd.status import AndStatus, StatusBase

# Some names are not in the house style: tutorials and tests of existing clients use them.
hardware: SimpleNamespace = hw()
"""The motors, detectors, flyers and signals of ophyd, by name."""


class SimStage(Device):
    """Three axes that move together."""

    x = Component(SynAxis, name="x", labels={"motors"})
    y = Component(SynAxis, name="y", labels={"motors"})
    z = Component(SynAxis, name="z", labels={"motors"})

    def set(self, position: tuple[float, float, float]) -> StatusBase:
        """Move the axes to a position (x, y, z)."""
        x, y, z = position
        return AndStatus(AndStatus(self.x.set(x), self.y.set(y)), self.z.set(z))


class SimDetectors(Device):
    """Two detectors, each with a peak along one of the motors of ``hardware``."""

    det_A = Component(  # noqa: N815
        SynGauss,
        name="det_A",
        motor=hardware.motor1,
        motor_field="motor1",
        center=0,
        Imax=5,
        sigma=0.5,
        labels={"detectors"},
    )
    det_B = Component(  # noqa: N815
        SynGauss,
        name="det_B",
        motor=hardware.motor2,
        motor_field="motor2",
        center=0,
        Imax=5,
        sigma=0.5,
        labels={"detectors"},
    )


class SimBundle(Device):
    """A stage and detectors in one device, three levels deep."""

    mtrs = Component(SimStage, name="mtrs")
    dets = Component(SimDetectors, name="dets")


sim_bundle_A = SimBundle(name="sim_bundle_A")  # noqa: N816
sim_bundle_B = SimBundle(name="sim_bundle_B")  # noqa: N816

custom_test_device = Device(name="custom_test_device")
custom_test_signal = Signal(name="custom_test_signal")
custom_test_flyer = MockFlyer("custom_test_flyer", hardware.det, hardware.motor, 1, 5, 20)
