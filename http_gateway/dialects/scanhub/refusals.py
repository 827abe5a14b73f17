"""What the device side of the scanhub dialect refuses. It decides nothing and sends nothing.

::

    GatewayError
    ├── FrameError              frame           what a device sent is no frame; the connection stays
    │   └── OversizeError       oversize        it is larger than any frame may be; the connection ends
    └── StartTooLargeError      too_large       the device could not read the start frame
    RefusedError
    └── StateError
        └── DispatchError       wrong_state     the device cannot take this item now
"""

from __future__ import annotations

from typing import Literal

from http_gateway.errors import GatewayError, TooLargeError
from queue_server.protocol.errors import StateError

Obstacle = Literal[
    "offline",
    "not_registered",
    "busy",
    "unresolved",
    "fault",
    "duplicate_connection",
    "repeated",
    "unsuitable",
    "too_large",
]
"""Why an item cannot be dispatched. The last two are properties of the item, which waiting does not change."""


class FrameError(GatewayError):
    """What the device sent is not a frame of this protocol."""

    code = "frame"
    http_status = 400

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class OversizeError(FrameError):
    """The frame is larger than the limit."""

    code = "oversize"
    http_status = 413


class StartTooLargeError(TooLargeError):
    """The start frame is larger than the device accepts."""

    def __init__(self, size_bytes: int, most_bytes: int) -> None:
        super().__init__(
            f"The start frame has {size_bytes} bytes; the device accepts at most {most_bytes}. Shorten the sequence.",
            details={"size_bytes": size_bytes, "most_bytes": most_bytes},
        )


class DispatchError(StateError):
    """The device cannot take this item now; nothing was sent."""

    def __init__(self, obstacle: Obstacle, message: str) -> None:
        super().__init__(message, details={"obstacle": obstacle})
        self.obstacle: Obstacle = obstacle
