"""Declaration of the native method that returns devices page by page."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pydantic import Field

from queue_server.protocol.method import LaneParams, Method


class DevicesPageParams(LaneParams):
    """Whose devices, and which of them."""

    user_group: str = Field(max_length=128, description="Name of the user group.")
    limit: int = Field(default=100, ge=1, le=1_000, description="Largest number of devices.")
    cursor: str | None = Field(
        default=None, max_length=1_000, description="`next_cursor` of the page before; without it the first page."
    )


@dataclass(frozen=True, slots=True)
class DevicesPage:
    """Descriptions in the order of their names, how many devices there are, and the cursor of the next page, if any.

    A device that comes or goes between two pages makes no other one appear twice or not at all; the uid tells
    whether the devices have changed.
    """

    devices: dict[str, Any] = field(default_factory=dict[str, Any])
    total: int = 0
    next_cursor: str | None = None
    devices_allowed_uid: str | None = None


METHODS = (
    Method(
        name="devices_page",
        summary="Return some of the devices that a user group may use, in the order of their names.",
        kind="memory",
        scope="read:resources",
        route=("GET", "/devices/page"),
        params=DevicesPageParams,
        result=DevicesPage,
    ),
)
