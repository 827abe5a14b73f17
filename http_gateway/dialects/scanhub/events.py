"""Everything that can happen to a device session. ``at`` is the monotonic time in seconds at which it did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from http_gateway.dialects.scanhub.frames import DeviceFrame
from http_gateway.dialects.scanhub.model import Order, Timer
from http_gateway.dialects.scanhub.start_frame import Client

# --- from the network: never refused, and without effect where they are late ---------------------------------------


@dataclass(frozen=True, slots=True)
class ConnectionOpened:
    """The device has proved who it is; ``generation`` was made durable for this connection."""

    at: float
    generation: int
    address: str
    client: Client = "unknown"


@dataclass(frozen=True, slots=True)
class ConnectionClosed:
    """A connection is gone, whoever ended it."""

    at: float
    generation: int


@dataclass(frozen=True, slots=True)
class FrameReceived:
    """The device sent a text frame that was understood."""

    at: float
    generation: int
    frame: DeviceFrame


@dataclass(frozen=True, slots=True)
class FrameRejected:
    """The device sent text that is no frame; ``reason`` is a word and ``message`` a sentence for the device."""

    at: float
    generation: int
    reason: str
    message: str
    is_oversize: bool = False


@dataclass(frozen=True, slots=True)
class BytesReceived:
    """The device sent a binary frame."""

    at: float
    generation: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class PongReceived:
    """The device answered a ping of the protocol below, or sent one."""

    at: float
    generation: int


@dataclass(frozen=True, slots=True)
class TimerPassed:
    """A deadline that was set is over; what it was for may be gone."""

    at: float
    timer: Timer


# --- from the sink of uploads ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class UploadWritten:
    """All bytes of an upload are on the disk, and this is what they are."""

    at: float
    upload: int
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class UploadStored:
    """The file is an artifact, and its result exists."""

    at: float
    upload: int
    result_id: str


@dataclass(frozen=True, slots=True)
class UploadBroken:
    """The sink could not open, write or store an upload, and has removed what there was of it."""

    at: float
    upload: int
    reason: str


# --- from the queue and from people: refused where they do not fit ---------------------------------------------------


@dataclass(frozen=True, slots=True)
class DispatchRequested:
    """The queue wants this item started."""

    at: float
    order: Order


@dataclass(frozen=True, slots=True)
class DispatchRecorded:
    """That the item goes out on this connection is durable, so that it may be sent."""

    at: float
    item_uid: str


@dataclass(frozen=True, slots=True)
class StartUnsent:
    """It is certain that no byte of the start frame has left; the connection had ended before."""

    at: float
    item_uid: str


@dataclass(frozen=True, slots=True)
class CancelRequested:
    """A person wants the active item ended on the device."""

    at: float
    item_uid: str


@dataclass(frozen=True, slots=True)
class GivenUp:
    """A person no longer waits for the active item."""

    at: float
    item_uid: str


@dataclass(frozen=True, slots=True)
class OutcomeResolved:
    """A person has found out how an unknown item ended."""

    at: float
    item_uid: str
    outcome: Literal["done", "failed"]


@dataclass(frozen=True, slots=True)
class FaultCleared:
    """A person says that the device is in order again."""

    at: float


@dataclass(frozen=True, slots=True)
class AccessRevoked:
    """The device is deleted, or its token replaced without grace; ``is_forced`` gives up an active item."""

    at: float
    is_forced: bool = False


@dataclass(frozen=True, slots=True)
class ConnectionSuperseded:
    """The device is served by another process or gateway from now on."""

    at: float


@dataclass(frozen=True, slots=True)
class ShutdownRequested:
    """The gateway is about to end."""

    at: float


Event = (
    ConnectionOpened
    | ConnectionClosed
    | FrameReceived
    | FrameRejected
    | BytesReceived
    | PongReceived
    | TimerPassed
    | UploadWritten
    | UploadStored
    | UploadBroken
    | DispatchRequested
    | DispatchRecorded
    | StartUnsent
    | CancelRequested
    | GivenUp
    | OutcomeResolved
    | FaultCleared
    | AccessRevoked
    | ConnectionSuperseded
    | ShutdownRequested
)
