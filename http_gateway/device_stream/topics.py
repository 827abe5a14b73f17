"""The topics of the stream that are about devices, and how they are named. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from queue_server.protocol.device_link import LONGEST_DEVICE
from queue_server.protocol.items import DEFAULT_LANE

EVERY: Final = "*"
"""In the place of a device: every one of the open environments that the reader's group may use."""

_PREFIX = "devices:"


@dataclass(frozen=True, slots=True)
class DeviceTopic:
    """What is followed: ``name`` is that of the topic, ``device`` what requests call the device, or ``*``."""

    name: str
    device: str


@dataclass(frozen=True, slots=True)
class Place:
    """A device of a worker: its lane, and its name there."""

    lane: str
    device: str

    @property
    def key(self) -> str:
        """What tells its frames apart from those of other devices."""
        return f"{self.lane}/{self.device}"

    @property
    def name(self) -> str:
        """What requests call the device."""
        return self.device if self.lane == DEFAULT_LANE else self.key

    @property
    def topic(self) -> str:
        """The name of the topic that is about this device alone."""
        return f"{_PREFIX}{self.name}"


def read_device_topic(name: str) -> DeviceTopic | None:
    """Return what a topic is about; None if it is about no device."""
    device = name.removeprefix(_PREFIX)
    if device == name or not 0 < len(device) <= LONGEST_DEVICE:
        return None
    return DeviceTopic(name, device)
