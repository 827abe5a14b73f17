"""Scanners as they are registered: what people set, what a device says of itself, its tokens, and what is shown.

A device of a worker is no such record: the worker describes it. Nothing here knows whether a device is connected.
"""

from __future__ import annotations

import hashlib
import hmac
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from msgspec import Struct
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from queue_server.protocol.errors import ParameterError

DeviceKind = Literal["scanner", "ophyd"]
DeviceStatus = Literal["ONLINE", "OFFLINE", "BUSY", "ERROR"]
DeviceCondition = Literal[
    "duplicate_connection",
    "unresolved",
    "fault",
    "needs_restart",
    "offline",
    "registering",
    "working",
    "ready",
]

ClientGeneration = Literal["first", "gen2", "gen3"]
"""Programs of devices that differ in what they send and understand."""

MOST_DEVICES = 256
"""Scanners that are registered together; each has a lane, which every status describes."""
LONGEST_PARAMETER_BYTES = 256 * 1024
"""The JSON of what is stored of one device besides its names: details and both kinds of parameters."""
MOST_GRACE_S = 86_400.0
SHORTEST_TOKEN, LONGEST_TOKEN = 32, 4_096
"""Characters in a token; those of ScanHub have 2048, and those that are made here 64."""
DIGEST_PATTERN = "^[0-9a-f]{64}$"

_NO_DIGEST = "0" * 64

_Line = Annotated[str, Field(max_length=256)]


class DeviceDetails(BaseModel):
    """What a device is, as it says itself; other names are passed over, such as its own idea of its status."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True, defer_build=True)

    device_name: _Line | None = Field(default=None, description="Name of the instrument.")
    serial_number: _Line | None = Field(default=None, description="Serial number.")
    manufacturer: _Line | None = Field(default=None, description="Who has made it.")
    modality: _Line | None = Field(default=None, description="What it measures with.")
    site: _Line | None = Field(default=None, description="Where it stands.")
    client_generation: ClientGeneration | None = Field(
        default=None, description="Of its program, as its gateway recognises it by its frames."
    )

    def plain(self) -> dict[str, str | None]:
        """Return the details as values of JSON."""
        return self.model_dump(mode="json")

    def updated(self, told: Mapping[str, Any]) -> DeviceDetails:
        """Return these details with what a device tells; null changes nothing.

        Raises:
            ParameterError: a detail is no text, or too long; the message names it.
        """
        try:
            return DeviceDetails.model_validate({**self.plain(), **{k: v for k, v in told.items() if v is not None}})
        except ValidationError as error:
            problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
            path = ".".join(["details", *map(str, problem["loc"])])
            raise ParameterError(f"'{path}': {problem['msg'][:1].lower()}{problem['msg'][1:]}.", field=path) from error


@dataclass(frozen=True, slots=True)
class DeviceToken:
    """What is kept of the token of a device; after a rotation with grace, of two.

    Digests are SHA-256 in hexadecimal form, ``previous_until`` is in seconds since 1970-01-01 UTC.
    """

    digest: str = field(repr=False)
    previous: str | None = field(default=None, repr=False)
    previous_until: float | None = None

    def admits(self, digest: str, now: float) -> bool:
        """Return whether the token with this digest counts now; it takes as long for a wrong one as for a right one."""
        is_current = hmac.compare_digest(digest, self.digest)
        is_previous = hmac.compare_digest(digest, self.previous or _NO_DIGEST)
        return is_current or (is_previous and self.previous_until is not None and now < self.previous_until)

    def rotated(self, digest: str, now: float, grace_s: float) -> DeviceToken:
        """Return what is kept once there is a new token; the one until now works for ``grace_s`` more seconds."""
        return DeviceToken(digest, self.digest, now + grace_s) if grace_s > 0 else DeviceToken(digest)


NO_TOKEN = DeviceToken(_NO_DIGEST)
"""Stands for the token of a device that nobody knows, so that it takes as long to refuse; no text has this digest."""


class Device(Struct, frozen=True, kw_only=True):
    """A scanner. Times are seconds since 1970-01-01 UTC.

    ``parameter`` is what people have set, None until they did, and ``registered_parameter`` what the device told.
    ``token`` is None once it was revoked. ``generation`` counts the connections that have proved whose they are.
    ``updated`` is when its description changed, ``last_seen`` when it was heard of last, from ``last_address``.
    """

    id: str
    name: str
    description: str
    details: DeviceDetails = DeviceDetails()
    parameter: Mapping[str, Any] | None = None
    registered_parameter: Mapping[str, Any] | None = None
    token: DeviceToken | None = None
    generation: int = 0
    last_address: str | None = None
    last_seen: float | None = None
    creator: str = ""
    created: float
    updated: float | None = None
    deleted: float | None = None

    @property
    def effective_parameter(self) -> Mapping[str, Any] | None:
        """What holds: what people have set, and until they did what the device told."""
        return self.registered_parameter if self.parameter is None else self.parameter

    def shown(self) -> dict[str, Any]:
        """Return what clients see of the record; nothing of its tokens but whether and how long they work."""
        token = self.token
        return {
            "id": self.id,
            "kind": "scanner",
            "name": self.name,
            "description": self.description,
            **self.details.plain(),
            "parameter": None if self.parameter is None else dict(self.parameter),
            "registered_parameter": None if self.registered_parameter is None else dict(self.registered_parameter),
            "has_token": token is not None,
            "previous_token_until": None if token is None else _show_time(token.previous_until),
            "generation": self.generation,
            "last_address": self.last_address,
            "creator": self.creator,
            "datetime_created": _show_time(self.created),
            "datetime_updated": _show_time(self.updated),
            "last_seen": _show_time(self.last_seen),
        }


def digest_token(token: str) -> str:
    """Return what is kept of a token: the SHA-256 of its text, in hexadecimal form."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()


def check_token(token: str) -> None:
    """Refuse a token that another system has made, if it is not safe or cannot stand in a header.

    Raises:
        ParameterError: it is too short or too long, or has other characters.
    """
    is_fit = SHORTEST_TOKEN <= len(token) <= LONGEST_TOKEN and all("!" <= character <= "~" for character in token)
    if not is_fit:
        raise ParameterError(
            f"'device_token' must have {SHORTEST_TOKEN} to {LONGEST_TOKEN} visible ASCII characters and no space.",
            field="device_token",
        )


def read_device_id(text: str) -> str | None:
    """Return the id of a device in its usual form, with small letters; None for what cannot be one."""
    try:
        value = str(uuid.UUID(text))
    except ValueError:
        return None
    return value if value == text.lower() else None


def _show_time(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()
