"""The frames of the device WebSocket as a device sends and reads them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

EXTENSIONS: Final = "cuelight/1"
"""What a device names so that it is asked to cancel a scan."""

Status = Literal["ONLINE", "BUSY", "ERROR"]


@dataclass(frozen=True, slots=True)
class Details:
    """What a device says of itself; what is None is left as the gateway knows it."""

    device_name: str | None = None
    serial_number: str | None = None
    manufacturer: str | None = None
    modality: str | None = None
    site: str | None = None
    parameter: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Ticket:
    """Which scan a frame is about, and the right to say something about it."""

    task_id: str
    token: str

    def keys(self) -> dict[str, str]:
        """Return the keys of a frame."""
        return {"task_id": self.task_id, "user_access_token": self.token}


_NOBODY = {"task_id": None, "user_access_token": None}


def register(details: Details) -> str:
    """Return the frame that presents the device."""
    return _write(command="register", data={**asdict(details), "status": "ONLINE", "protocol": EXTENSIONS})


def tell_idle() -> str:
    """Return the frame that says that nothing runs, which is also the end of a scan."""
    return _write(command="update_status", status="ONLINE", data={}, **_NOBODY)


def tell_progress(ticket: Ticket, percent: int, *, is_late: bool) -> str:
    """Return the frame that says how far a scan is; ``is_late`` on another connection than that of its start."""
    status: Status = "ONLINE" if is_late else "BUSY"
    return _write(command="update_status", status=status, data={"progress": percent}, **ticket.keys())


def tell_error(ticket: Ticket, text: str) -> str:
    """Return the frame that says that a scan has failed."""
    return _write(command="update_status", status="ERROR", data={"error_message": text}, **ticket.keys())


def announce(ticket: Ticket, name: str, size_bytes: int, sha256: str, content_type: str) -> str:
    """Return the frame before the bytes of a file."""
    return _write(
        command="file-transfer",
        filename=name,
        size_bytes=size_bytes,
        sha256=sha256,
        content_type=content_type,
        **ticket.keys(),
    )


def read(text: str | bytes) -> dict[str, Any]:
    """Return a frame of the gateway; what is none has an empty command."""
    try:
        frame: Any = json.loads(text)
    except ValueError:
        frame = None
    return frame if isinstance(frame, dict) and isinstance(frame.get("command"), str) else {"command": ""}


def _write(**frame: Any) -> str:
    return json.dumps(frame, separators=(",", ":"))
