"""Declarations about single devices of workers: read at any time, set and stopped where nothing else has them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pydantic import Field

from queue_server.protocol.device_link import DEFAULT_READING_S, LONGEST_DEVICE, LONGEST_READING_S
from queue_server.protocol.method import LaneLockableParams, LaneParams, Method

LONGEST_MOVE_S = 86_400.0
LARGEST_VALUE_BYTES = 64 * 1024

_NAME = Field(
    min_length=1,
    max_length=LONGEST_DEVICE,
    description="Name in the lane, `lane/name`, or that of a shared device in the facility; components behind dots.",
)
_GROUP = Field(default=None, max_length=128, description="Group whose permissions apply.")
_USER = Field(default=None, max_length=128, description="Name of the person or program that asks.")
_AS_A_TASK = "Success means that the task was started; `task_status` and `task_result` tell how it ended."


class DeviceReadParams(LaneParams):
    """Which device, who asks, and how long it may take."""

    name: str = _NAME
    user_group: str | None = _GROUP
    within_s: float = Field(
        default=DEFAULT_READING_S, gt=0, le=LONGEST_READING_S, description="Seconds that the device has for it."
    )


class DeviceLocateParams(LaneParams):
    """Which device, and who asks."""

    name: str = _NAME
    user_group: str | None = _GROUP


class DeviceSetParams(LaneLockableParams):
    """Which device, where to, who asks, and how long it may take."""

    name: str = _NAME
    value: Any = Field(description="What its `set()` is called with, at most 64 KiB of JSON.")
    user: str | None = _USER
    user_group: str | None = _GROUP
    within_s: float = Field(
        default=3_600.0,
        gt=0,
        le=LONGEST_MOVE_S,
        description="Seconds after which it is stopped, and the task has failed.",
    )


class DeviceStopParams(LaneLockableParams):
    """Which device, and who asks."""

    name: str = _NAME
    user: str | None = _USER
    user_group: str | None = _GROUP


@dataclass(frozen=True, slots=True)
class DeviceReadings:
    """Where the device is, its name there, and what it has told, by signal."""

    lane: str = ""
    name: str = ""
    readings: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])


@dataclass(frozen=True, slots=True)
class DeviceLocation:
    """Where the device is, its name there, and whether the environment of that lane is open."""

    lane: str = ""
    name: str = ""
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class DeviceTask:
    """The uid to ask with, where the device is, its name there, and its name in the facility, which is claimed."""

    task_uid: str = ""
    lane: str = ""
    name: str = ""
    claim: str = ""


METHODS = (
    Method(
        name="device_read",
        summary="Read a device of a worker, also while a plan runs.",
        kind="memory",
        scope="read:devices",
        route=("GET", "/device/reading"),
        params=DeviceReadParams,
        result=DeviceReadings,
        refusal="Failed to read the device: ",
        notes="For each signal `value` and `timestamp` (seconds since 1970-01-01 UTC) as its `read()` tells, and what "
        "its `describe()` says: `units`, `dtype`, `shape`, limits. A device with `limits` of its own has them beside. "
        "A value that JSON cannot say, or that takes more than 256 KiB, is shown as a text. A device that hangs costs "
        "this call its `within_s`, and nothing else.",
        example={"name": "motor1", "user_group": "primary"},
    ),
    Method(
        name="device_locate",
        summary="Tell in which lane a device of a worker is, and its name there.",
        kind="memory",
        scope="read:devices",
        route=("GET", "/device/location"),
        params=DeviceLocateParams,
        result=DeviceLocation,
        refusal="Failed to locate the device: ",
        notes="The device itself is not asked, so that this is answered while the environment is closed, too. Of the "
        "lanes that reach a shared device it is an open one; while several are open, the lane `default` comes first.",
        example={"name": "motor1", "user_group": "primary"},
    ),
    Method(
        name="device_set",
        summary="Set a device of a worker that nothing else has for itself.",
        kind="mutation",
        scope="write:execute",
        route=("POST", "/device:set"),
        params=DeviceSetParams,
        result=DeviceTask,
        lock="environment",
        refusal="Failed to set the device: ",
        notes=f"{_AS_A_TASK} A value beyond the limits of the device fails it, before anything moves. Refused while an "
        "item that runs in any lane claims the device, while another task moves it, and in a lane that is stopped by "
        "an emergency stop. Until it has ended the device is claimed: an item that needs it waits.",
        example={"name": "motor1", "value": 2.5, "user": "anna", "user_group": "primary"},
    ),
    Method(
        name="device_stop",
        summary="Stop a device of a worker that a task moves, or that nothing has for itself.",
        kind="mutation",
        scope="write:execute",
        route=("POST", "/device:stop"),
        params=DeviceStopParams,
        result=DeviceTask,
        lock="environment",
        refusal="Failed to stop the device: ",
        notes=f"{_AS_A_TASK} Refused while an item claims the device: pause the plan and end it, or use `estop`, which "
        "stops everything.",
        example={"name": "motor1", "user": "anna", "user_group": "primary"},
    ),
)
