"""The deadlines of the emergency stop: as settings, with their order, and as the value that the core works with."""

from __future__ import annotations

from msgspec import Struct
from pydantic import Field, ValidationInfo, field_validator

from queue_server.protocol.limits import Limits


class StopLimits(Struct, frozen=True):
    """How long an emergency stop lets things take, in seconds after it was ordered."""

    devices_s: float = 1.0
    halt_s: float = 3.0
    kill_s: float = 8.0


class TimedLimits(Limits):
    """The limits of one manager, with those of time: what an emergency stop has not brought to rest is killed."""

    estop_devices_s: float = Field(
        default=1.0,
        ge=0.1,
        le=10,
        description="Emergency stop: how long the stop() of all devices may take, in seconds, before the reply says "
        "which are missing.",
    )
    estop_halt_s: float = Field(
        default=3.0,
        ge=0.2,
        le=30,
        description="Emergency stop: seconds after it at which a plan that was aborted and has not ended is halted.",
    )
    estop_kill_s: float = Field(
        default=8.0,
        ge=0.5,
        le=60,
        validate_default=True,
        description="Emergency stop: seconds after it at which a worker that has not come to rest is killed.",
    )

    @field_validator("estop_kill_s")
    @classmethod
    def _check_order(cls, kill_s: float, others: ValidationInfo) -> float:
        devices_s, halt_s = (others.data.get(name, 0.0) for name in ("estop_devices_s", "estop_halt_s"))
        if not devices_s < halt_s < kill_s:
            raise ValueError("estop_devices_s must be less than estop_halt_s, and that less than estop_kill_s")
        return kill_s

    @property
    def stop_limits(self) -> StopLimits:
        """The deadlines as the core knows them."""
        return StopLimits(self.estop_devices_s, self.estop_halt_s, self.estop_kill_s)
