"""Everything that a device session can order. Whoever performs it does so in the given order, and decides nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Literal

from http_gateway.dialects.scanhub.frames import Feedback, GatewayFrame
from http_gateway.dialects.scanhub.model import Outcome, Phase, Timer
from http_gateway.dialects.scanhub.uploads import File

GOING_AWAY: Final = 1001
POLICY: Final = 1008
TOO_BIG: Final = 1009
REPLACED: Final = 4001

CloseCode = Literal[1001, 1008, 1009, 4001]

# --- to the device ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SendFrame:
    """Send a frame on the connection of this generation."""

    generation: int
    frame: GatewayFrame

    @property
    def confirms(self) -> bool:
        """Whether the device need not send a file again after this frame."""
        return isinstance(self.frame, Feedback) and self.frame.result_id is not None


@dataclass(frozen=True, slots=True)
class SendStart:
    """Send the start frame of the item; tell ``StartUnsent`` if it is certain that it could not leave."""

    generation: int
    item_uid: str


@dataclass(frozen=True, slots=True)
class CloseConnection:
    """Close the connection of this generation; nothing is sent on it afterwards."""

    generation: int
    code: CloseCode
    reason: str


# --- timers ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Tell when so many seconds have passed; it replaces an earlier deadline of the same timer."""

    timer: Timer
    after_s: float


@dataclass(frozen=True, slots=True)
class CancelTimer:
    """Forget a deadline, if it is set."""

    timer: Timer


# --- to the sink of uploads, which answers by events -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OpenUpload:
    """Make room for a file; nothing of it is visible before it is stored."""

    upload: int
    item_uid: str
    file: File


@dataclass(frozen=True, slots=True)
class AppendUpload:
    """Append the binary frame that has just arrived."""

    upload: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class FinishUpload:
    """All bytes are there: flush them to the disk and tell what was written."""

    upload: int


@dataclass(frozen=True, slots=True)
class StoreUpload:
    """Make the verified file an artifact and its result, under this idempotency key.

    A ``parameter`` that is not empty goes beside the file.
    """

    upload: int
    item_uid: str
    file: File
    sha256: str
    key: str
    parameter: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class DiscardUpload:
    """Remove what there is of a file."""

    upload: int


# --- to the queue ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RecordDispatch:
    """Make durable that the item goes out on this connection; tell ``DispatchRecorded`` then."""

    item_uid: str
    generation: int


@dataclass(frozen=True, slots=True)
class ReportReturned:
    """Nothing of the item has been sent: it is queued again."""

    item_uid: str
    reason: str


@dataclass(frozen=True, slots=True)
class ReportPhase:
    """The item has got this far."""

    item_uid: str
    phase: Phase


@dataclass(frozen=True, slots=True)
class ReportProgress:
    """The device says how far the scan is, in percent; ``is_late`` that the item has ended before."""

    item_uid: str
    percent: int
    is_late: bool = False


@dataclass(frozen=True, slots=True)
class ReportOutcome:
    """The item has ended, for the first time; all but ``done`` hold the lane."""

    item_uid: str
    outcome: Outcome
    text: str = ""

    @property
    def holds_lane(self) -> bool:
        """Whether a person is needed before the next item."""
        return self.outcome != "done"


@dataclass(frozen=True, slots=True)
class ReportResolved:
    """It is now known how an unknown item ended: by evidence of the device, or from a person."""

    item_uid: str
    outcome: Literal["done", "failed"]
    by: Literal["evidence", "person"]


@dataclass(frozen=True, slots=True)
class ReportEvidence:
    """The device said this about an item that had already ended."""

    item_uid: str
    text: str


@dataclass(frozen=True, slots=True)
class ReportUpload:
    """A file of the item is verified and stored; ``is_replay`` that it had been before."""

    item_uid: str
    name: str
    result_id: str
    is_replay: bool = False


@dataclass(frozen=True, slots=True)
class ReportUploadFailed:
    """A file of the item was refused or did not arrive whole."""

    item_uid: str
    name: str
    reason: str


# --- to the registry of devices --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DescribeDevice:
    """What the device says of itself; details that it left out stay as they are."""

    generation: int
    details: dict[str, str]
    parameter: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class NoteFault:
    """The device is in fault; None that it no longer is."""

    message: str | None


@dataclass(frozen=True, slots=True)
class HoldLane:
    """Keep the lane of the device held until a person releases it."""

    reason: str


ToDevice = SendFrame | SendStart | CloseConnection
ToSink = OpenUpload | AppendUpload | FinishUpload | StoreUpload | DiscardUpload
ToQueue = (
    RecordDispatch
    | ReportReturned
    | ReportPhase
    | ReportProgress
    | ReportOutcome
    | ReportResolved
    | ReportEvidence
    | ReportUpload
    | ReportUploadFailed
    | HoldLane
)
ToRegistry = DescribeDevice | NoteFault
Effect = ToDevice | ToSink | ToQueue | ToRegistry | SetTimer | CancelTimer
