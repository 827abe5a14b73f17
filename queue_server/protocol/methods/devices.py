"""Declarations about devices: the scanners that are registered, their tokens, and what gateways ask for them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pydantic import Field

from queue_server.protocol.devices import (
    DIGEST_PATTERN,
    LONGEST_PARAMETER_BYTES,
    LONGEST_TOKEN,
    MOST_DEVICES,
    MOST_GRACE_S,
    SHORTEST_TOKEN,
    DeviceKind,
)
from queue_server.protocol.method import GATEWAY_SCOPE, Method, Params

EXAMPLE_ID = "3fa85f64-5717-4562-b3fc-2c963f66afa6"

_DEVICE = Field(max_length=128, description="Id of the device.")
_GRACE = Field(
    default=0.0,
    ge=0.0,
    le=MOST_GRACE_S,
    description="For how many seconds the token until now works beside the new one; with 0 it ends at once.",
)
_TOKEN_IS_TOLD_ONCE = (
    "The token is told in this reply and never again: only its SHA-256 is kept. A repetition under the same "
    "idempotency key is refused with the code `told_once`, and shows the other fields of the reply."
)
_DEVICE_FIELDS = (
    "`status` is ONLINE, OFFLINE, BUSY or ERROR and `condition` says more; both are computed from the connection and "
    "the lane of the device, and kept nowhere. `ip_address` is null without a connection, while `last_address` stays. "
    "`parameter` is what was set, null until then, and `registered_parameter` what the device told of itself; it holds "
    "while `parameter` is null. `last_seen` is now while the device is connected."
)
_GATEWAYS = "For gateways only: for peers with the right to delegate. There is no route over HTTP."


class DeviceEditParams(Params):
    """Who changes devices, for the event log: over HTTP the credential says it, else the request claims it."""

    user: str | None = Field(default=None, max_length=128, description="Name of the person or program that asks.")
    user_group: str | None = Field(
        default=None, max_length=128, description="Group of the person or program that asks."
    )


class DeviceCreateParams(DeviceEditParams):
    """The new device."""

    name: str = Field(min_length=1, max_length=256, description="Name.")
    description: str = Field(min_length=1, max_length=4_096, description="What it is, for people.")


class DeviceTokenImportParams(DeviceEditParams):
    """Whose token, and the token that another system has made."""

    device_id: str = _DEVICE
    device_token: str = Field(
        max_length=2 * LONGEST_TOKEN,
        description=f"The token in clear text: {SHORTEST_TOKEN} to {LONGEST_TOKEN} visible ASCII characters.",
    )
    name: str | None = Field(
        default=None, min_length=1, max_length=256, description="Name of the device, if it is not registered yet."
    )
    description: str = Field(default="", max_length=4_096, description="What it is, for a device that is new.")
    grace_s: float = _GRACE


class DeviceRotateTokenParams(DeviceEditParams):
    """Which device, and how long its token until now works."""

    device_id: str = _DEVICE
    grace_s: float = _GRACE


class DeviceRevokeTokenParams(DeviceEditParams):
    """Which device."""

    device_id: str = _DEVICE


class DeviceDeleteParams(DeviceEditParams):
    """Which device, and whether it may be busy."""

    device_id: str = _DEVICE
    force: bool = Field(default=False, description="Delete it also while an item of its lane is active.")


class DeviceGetParams(Params):
    """Which device."""

    device_id: str = _DEVICE


class DeviceListParams(Params):
    """Which devices."""

    kind: DeviceKind = Field(
        default="scanner", description="`scanner`: those that are registered; `ophyd`: those of all workers."
    )
    lane: str | None = Field(
        default=None, min_length=1, max_length=128, description="Only the devices of the worker of this lane."
    )
    limit: int = Field(default=100, ge=1, le=1_000, description="Largest number of devices.")
    cursor: str | None = Field(
        default=None, max_length=1_000, description="`next_cursor` of the page before; without it the first page."
    )


class DeviceParameterSetParams(DeviceEditParams):
    """Which device, and its parameters."""

    device_id: str = _DEVICE
    parameter: dict[str, Any] = Field(description="All parameters; they replace those until now as a whole.")


class DeviceDescribeParams(Params):
    """Which device on which connection, and what it tells; null changes nothing."""

    device_id: str = _DEVICE
    generation: int = Field(ge=1, description="Generation of the connection on which it tells this.")
    details: dict[str, Any] | None = Field(
        default=None,
        description="device_name, serial_number, manufacturer, modality, site: text, null where nothing changes.",
    )
    parameter: dict[str, Any] | None = Field(default=None, description="Its parameters, as it knows them.")


class DeviceConnectParams(Params):
    """Which device, the proof that it is the one, and from where it connects."""

    device_id: str = _DEVICE
    token_sha256: str = Field(pattern=DIGEST_PATTERN, description="SHA-256 of its token, in hexadecimal form.")
    address: str = Field(default="", max_length=256, description="Address of its end of the connection.")


@dataclass(frozen=True, slots=True)
class DeviceCredentials:
    """The id of a device and its new token, which is told this once."""

    device_id: str = ""
    device_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class DeviceReply:
    """The device."""

    device: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class DevicePage:
    """Devices in order, and the cursor of the next page, if there is one."""

    devices: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class DeviceDeleted:
    """How many items of its queue are held now."""

    held_items: int = 0


@dataclass(frozen=True, slots=True)
class DeviceConnected:
    """The generation of the connection, the name of the device, and its parameters: set, told, and those that hold."""

    generation: int = 0
    name: str = ""
    parameter: dict[str, Any] | None = None
    registered_parameter: dict[str, Any] | None = None
    effective_parameter: dict[str, Any] | None = None


METHODS = (
    Method(
        name="device_create",
        summary="Register a scanner, and give it a token.",
        kind="mutation",
        scope="write:devices",
        route=("POST", "/devices"),
        params=DeviceCreateParams,
        result=DeviceCredentials,
        refusal="Failed to create the device: ",
        told_once=("device_token",),
        notes=f"{_TOKEN_IS_TOLD_ONCE} At most {MOST_DEVICES:,} scanners are registered.",
        example={"name": "scanner 1", "description": "low-field scanner in room 3"},
    ),
    Method(
        name="device_token_import",
        summary="Let a device keep a token that another system has made.",
        kind="mutation",
        scope="write:devices",
        route=("POST", "/device:import-token"),
        params=DeviceTokenImportParams,
        result=DeviceReply,
        refusal="Failed to import the token: ",
        notes="The token is digested at once and kept nowhere. A device that is not registered yet is registered with "
        "this id, which must be a UUID, if a name is given.",
        example={"device_id": EXAMPLE_ID, "device_token": "0123456789abcdef" * 4, "name": "scanner 1"},
    ),
    Method(
        name="device_rotate_token",
        summary="Give a device a new token.",
        kind="mutation",
        scope="write:devices",
        route=("POST", "/device:rotate-token"),
        params=DeviceRotateTokenParams,
        result=DeviceCredentials,
        refusal="Failed to rotate the token: ",
        told_once=("device_token",),
        notes=f"{_TOKEN_IS_TOLD_ONCE} Without a grace its connection is closed; that is refused while an item of its "
        "lane is active.",
        example={"device_id": EXAMPLE_ID, "grace_s": 3600.0},
    ),
    Method(
        name="device_revoke_token",
        summary="Let no token of a device work any more.",
        kind="mutation",
        scope="write:devices",
        route=("POST", "/device:revoke-token"),
        params=DeviceRevokeTokenParams,
        refusal="Failed to revoke the token: ",
        notes="Its connection is closed, whatever it does. A new token is given by `device_rotate_token`.",
        example={"device_id": EXAMPLE_ID},
    ),
    Method(
        name="device_delete",
        summary="Delete a scanner.",
        kind="mutation",
        scope="write:devices",
        route=("POST", "/device:delete"),
        params=DeviceDeleteParams,
        result=DeviceDeleted,
        refusal="Failed to delete the device: ",
        notes="Its token is revoked, and the items of its queue are held. Refused while an item of its lane is active, "
        "unless `force` is true. Its id is never given again.",
        example={"device_id": EXAMPLE_ID},
    ),
    Method(
        name="device_list",
        summary="Return a page of devices: scanners, or those of the workers.",
        kind="read",
        scope="read:devices",
        route=("GET", "/devices/list"),
        params=DeviceListParams,
        result=DevicePage,
        refusal="Failed to list devices: ",
        notes="Scanners come in the order in which they were registered, each as `device_get` shows it. A device of "
        "kind `ophyd` has its `name`, `lane`, `classname`, `module`, whether it `is_readable`, `is_movable` and "
        "`is_flyable`, and its `status`: ONLINE while the environment of its lane is open, else OFFLINE.",
        example={"kind": "ophyd", "limit": 20},
    ),
    Method(
        name="device_get",
        summary="Return a scanner, and how it is.",
        kind="read",
        scope="read:devices",
        route=("GET", "/device"),
        params=DeviceGetParams,
        result=DeviceReply,
        refusal="Failed to get the device: ",
        notes=_DEVICE_FIELDS,
        example={"device_id": EXAMPLE_ID},
    ),
    Method(
        name="device_parameter_set",
        summary="Set the parameters of a scanner.",
        kind="mutation",
        scope="write:devices",
        route=("POST", "/device:set-parameter"),
        params=DeviceParameterSetParams,
        result=DeviceReply,
        refusal="Failed to set the parameters: ",
        notes="They hold until they are set again, whatever the device tells of itself. What is stored of a device has "
        f"at most {LONGEST_PARAMETER_BYTES // 1024} KiB of JSON.",
        example={"device_id": EXAMPLE_ID, "parameter": {"larmor_frequency": 2.1e6}},
    ),
    Method(
        name="device_describe",
        summary="Note what a connected device tells of itself.",
        kind="mutation",
        scope=GATEWAY_SCOPE,
        route=("POST", "/device:describe"),
        params=DeviceDescribeParams,
        result=DeviceConnected,
        refusal="Failed to describe the device: ",
        notes="Refused with the code `stale` if it has connected again since. Names in `details` that are not known "
        f"are passed over. Without details and parameter it is only noted that the device was there. {_GATEWAYS}",
        example={"device_id": EXAMPLE_ID, "generation": 3, "details": {"manufacturer": "ACME"}},
    ),
    Method(
        name="device_connect",
        summary="Check the token of a device that connects, and begin the next generation.",
        kind="mutation",
        scope=GATEWAY_SCOPE,
        route=("POST", "/device:connect"),
        params=DeviceConnectParams,
        result=DeviceConnected,
        refusal="Failed to connect the device: ",
        notes="The generation grows by 1 with each connection and is stored before the reply. An unknown device, a "
        f"wrong token and one that was revoked are all refused alike, with the code `wrong_credential`. {_GATEWAYS}",
        example={"device_id": EXAMPLE_ID, "token_sha256": "0123456789abcdef" * 4, "address": "192.0.2.7"},
    ),
)
