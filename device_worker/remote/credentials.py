"""What a device proves itself with: the file that its registration gives out once."""

from __future__ import annotations

import json
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_OPEN_TO_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class Credentials:
    """The id of a device, and its token, which nobody else may read."""

    device_id: str
    device_token: str = field(repr=False)

    def headers(self) -> dict[str, str]:
        """Return the headers of a connection."""
        return {"Device-Id": self.device_id, "Device-Token": self.device_token}


def read_credentials(path: Path | str) -> Credentials:
    """Return what is in a credentials file.

    Raises:
        OSError: it cannot be read.
        PermissionError: others than its owner may read it.
        ValueError: it is no credentials file; the message says what is missing, and repeats no token.
    """
    path = Path(path)
    if path.stat().st_mode & _OPEN_TO_OTHERS:
        raise PermissionError(f"{path} can be read by others. Make it private: chmod 600 {path}")
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
        return Credentials(_text(content, "device_id"), _text(content, "device_token"))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is no credentials file of a device: {_reason(error)}") from None


def _text(content: Any, name: str) -> str:
    value = content[name]
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name!r} is no text")
    return value


def _reason(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"{error.args[0]!r} is missing"
    # The message of a decoder could repeat what it has read.
    return "it is no JSON object" if isinstance(error, (TypeError, json.JSONDecodeError)) else str(error)
