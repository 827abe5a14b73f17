"""What readers of the stream follow one by one, each for as long as anybody does. It only holds them together."""

from __future__ import annotations

from dataclasses import dataclass

from http_gateway.device_stream.hub import DeviceHub
from http_gateway.run_stream.hub import RunHub


@dataclass(frozen=True, slots=True)
class Followed:
    """Runs and devices."""

    runs: RunHub
    devices: DeviceHub
