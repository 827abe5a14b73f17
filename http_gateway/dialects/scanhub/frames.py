"""The frames of the device WebSocket, as typed values in both directions. What they mean is decided elsewhere.

What a device sends is read strictly where a wrong type could be misunderstood, and tolerantly where the two
generations differ: unknown keys are passed over, optional ones may be missing or null, progress is clamped.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, TypeVar

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from http_gateway.dialects.scanhub.refusals import FrameError, OversizeError
from queue_server.protocol.codec import Bounds, decode
from queue_server.protocol.errors import EnvelopeError

EXTENSIONS: Final = "cuelight/1"
"""What a device names in its registration if it wants the frames that ScanHub does not know."""

TEXT_BOUNDS: Final = Bounds(size_bytes=1024 * 1024, depth=32, elements=100_000)
"""How large a text frame of a device may be."""

DEFAULT_FILE_NAME: Final = "upload.bin"
_SPACE = " \t\r\n"
_LONGEST_SHOWN = 40

M = TypeVar("M", bound=BaseModel)

DeviceStatus = Literal["ONLINE", "OFFLINE", "BUSY", "ERROR"]


def _clamp(progress: int | None) -> int | None:
    return None if progress is None else max(0, min(100, progress))


class Incoming(BaseModel):
    """What all frames of a device have in common: frozen, exact types, unknown keys passed over."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", allow_inf_nan=False, hide_input_in_errors=True)


class Details(Incoming):
    """What a device says of itself; null means that it says nothing."""

    device_name: str | None = None
    serial_number: str | None = None
    manufacturer: str | None = None
    modality: str | None = None
    site: str | None = None
    parameter: dict[str, Any] | None = None
    protocol: Any = None

    @property
    def told(self) -> dict[str, str]:
        """The details that are not null."""
        texts: dict[str, str | None] = self.model_dump(exclude={"parameter", "protocol"})
        return {name: text for name, text in texts.items() if text is not None}


class Register(Incoming):
    """The device presents itself, and reads what is sent to it."""

    command: Literal["register"] = "register"
    data: Details


class StatusData(Incoming):
    """What accompanies a status."""

    progress: Annotated[int | None, AfterValidator(_clamp)] = Field(default=None, description="Percent, 0 to 100.")
    error_message: str | None = None


class UpdateStatus(Incoming):
    """The device tells its status, or that of a scan if it names one."""

    command: Literal["update_status"] = "update_status"
    status: DeviceStatus
    data: StatusData | None = None
    task_id: str | None = None
    user_access_token: str | None = Field(default=None, repr=False)

    @property
    def names_no_scan(self) -> bool:
        """Whether it is about the device alone."""
        return self.task_id is None and self.user_access_token is None

    @property
    def progress(self) -> int | None:
        """Percent from 0 to 100, if it says so."""
        return None if self.data is None else self.data.progress

    @property
    def error_message(self) -> str:
        """What the device says went wrong; never empty."""
        told = None if self.data is None else self.data.error_message
        return told or "The device reported an error and gave no message."


class FileTransfer(Incoming):
    """The header of an upload: the bytes follow in binary frames."""

    command: Literal["file-transfer"] = "file-transfer"
    task_id: str
    user_access_token: str = Field(repr=False)
    size_bytes: int = Field(ge=0)
    filename: str | None = None
    content_type: str | None = None
    sha256: str | None = None
    device_parameter: dict[str, Any] | None = None

    @property
    def file_name(self) -> str:
        """The name that the device gives, which may be a path of its own system."""
        return DEFAULT_FILE_NAME if self.filename is None else self.filename


class Ping(Incoming):
    """The device wants to know whether somebody is there."""

    command: Literal["ping"] = "ping"


class Remark(Incoming):
    """A frame that is well formed and changes nothing."""

    command: str = ""


DeviceFrame = Register | UpdateStatus | FileTransfer | Ping | Remark


class Outgoing(BaseModel):
    """What all frames to a device have in common."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Feedback(Outgoing):
    """A sentence about what has been reached; ``result_id`` is that of one upload."""

    command: Literal["feedback"] = "feedback"
    message: str
    result_id: str | None = None


class Pong(Outgoing):
    """The answer to a ping."""

    command: Literal["pong"] = "pong"


class Complaint(Outgoing):
    """What was wrong with something that the device sent."""

    command: Literal["error"] = "error"
    message: str
    code: str


class Cancel(Outgoing):
    """The request to end a scan; only for devices that know it."""

    command: Literal["cancel"] = "cancel"
    task_id: str


GatewayFrame = Feedback | Pong | Complaint | Cancel

_MODELS: Mapping[str, type[Register | UpdateStatus | FileTransfer | Ping]] = {
    "register": Register,
    "update_status": UpdateStatus,
    "file-transfer": FileTransfer,
    "ping": Ping,
}


def read_frame(text: str, bounds: Bounds = TEXT_BOUNDS) -> DeviceFrame:
    """Return what a device of the second or third generation sent as text.

    Raises:
        OversizeError: it is larger than a frame may be.
        FrameError: it is no JSON object, its command is missing or unknown, or a value has a wrong type.
    """
    value = read_object(text, bounds)
    command = value.get("command")
    if not isinstance(command, str):
        raise FrameError("no_command", "The frame has no 'command', or one that is not text.")
    model = _MODELS.get(command)
    if model is None:
        raise FrameError("unknown_command", f"The command {shorten(command)!r} is unknown here.")
    return validate(model, value)


def read_object(text: str, bounds: Bounds = TEXT_BOUNDS) -> dict[str, Any]:
    """Return the JSON object in a text frame.

    Raises:
        OversizeError: it is larger than a frame may be.
        FrameError: it is nothing else than a JSON object, or nested too deeply.
    """
    # A character has one byte or more, so that a long text need not be encoded first.
    data = b"" if len(text) > bounds.size_bytes else text.encode(errors="surrogatepass")
    if len(text) > bounds.size_bytes or len(data) > bounds.size_bytes:
        raise OversizeError("too_large", f"A text frame has at most {bounds.size_bytes} bytes.")
    # The codec would take other first bytes for msgpack.
    if not text.lstrip(_SPACE).startswith("{"):
        raise FrameError("no_object", "The frame is not a JSON object.")
    try:
        return decode(data, bounds)[0]
    except EnvelopeError as error:
        raise FrameError("invalid_json", error.message) from error


def validate(model: type[M], value: Mapping[str, Any]) -> M:
    """Return the frame in an object.

    Raises:
        FrameError: a value has a wrong type; the message names the keys and repeats no value.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        found = [_describe(each["loc"], each["type"], each["msg"]) for each in error.errors(include_input=False)]
        raise FrameError("invalid_value", f"The frame was not understood. {'; '.join(found[:5])}.") from None


def _describe(place: tuple[int | str, ...], kind: str, message: str) -> str:
    # For some the words of the library would name a class of this module.
    wrong = "Input should be an object" if kind == "model_type" else message
    return f"{'.'.join(map(str, place))}: {wrong}"


def shorten(text: str, most: int = _LONGEST_SHOWN) -> str:
    """Return a text that is short enough for a message."""
    return text if len(text) <= most else f"{text[:most]}…"


def render_frame(frame: GatewayFrame) -> str:
    """Return the text of a frame to a device; what is null is left out."""
    return orjson.dumps(frame.model_dump(exclude_none=True)).decode()
