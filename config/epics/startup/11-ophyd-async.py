"""Devices of ophyd-async, by Channel Access through aioca: the axis Y and the diode."""

from bluesky.protocols import Movable, Stoppable, Triggerable
from ophyd_async.core import AsyncStatus, StandardReadable, init_devices
from ophyd_async.core import StandardReadableFormat as Format
from ophyd_async.epics.core import epics_signal_r, epics_signal_rw


class AsyncAxis(StandardReadable, Movable, Stoppable):
    """An axis whose setpoint is acknowledged when it has arrived."""

    def __init__(self, prefix, name=""):
        # Asked for when it is read: that the axis has arrived may be known before the newest value has come by itself.
        with self.add_children_as_readables(Format.HINTED_UNCACHED_SIGNAL):
            self.readback = epics_signal_r(float, f"ca://{prefix}READBACK")
        self.setpoint = epics_signal_rw(float, f"ca://{prefix}SETPOINT")
        self.halt = epics_signal_rw(bool, f"ca://{prefix}STOP")
        super().__init__(name=name)

    @AsyncStatus.wrap
    async def set(self, value):
        """Move to a position."""
        await self.setpoint.set(value, timeout=60)

    async def stop(self, success=True):
        """Stay where the axis is."""
        await self.halt.set(True)


class AsyncDiode(StandardReadable, Triggerable):
    """A diode that counts for its exposure time."""

    def __init__(self, prefix, name=""):
        with self.add_children_as_readables(Format.HINTED_UNCACHED_SIGNAL):
            self.counts = epics_signal_r(float, f"ca://{prefix}COUNTS")
        with self.add_children_as_readables(Format.CONFIG_SIGNAL):
            self.exposure = epics_signal_rw(float, f"ca://{prefix}EXPOSURE")
        self.acquire = epics_signal_rw(bool, f"ca://{prefix}ACQUIRE")
        super().__init__(name=name)

    @AsyncStatus.wrap
    async def trigger(self):
        """Count once."""
        await self.acquire.set(True, timeout=await self.exposure.get_value() + 10)


with init_devices(timeout=CONNECT_WITHIN_S):
    stage_y = AsyncAxis(f"{PREFIX}Y:")
    diode = AsyncDiode(f"{PREFIX}DIODE:")
