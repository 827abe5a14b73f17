"""Declarations about plans, devices and processing graphs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pydantic import Field

from queue_server.protocol.method import LaneParams, Method, Params


class AllowedParams(LaneParams):
    """Whose plans or devices."""

    user_group: str | None = Field(default=None, description="Name of the user group.")


class PlansAllowedParams(AllowedParams):
    """Whose plans, and in which form."""

    reduced: bool = Field(default=False, description="Return the short form of the descriptions.")


class PlansExistingParams(LaneParams):
    """In which form."""

    reduced: bool = Field(default=False, description="Return the short form of the descriptions.")


@dataclass(frozen=True, slots=True)
class PlansAllowed:
    """Descriptions by name, and the uid of this content."""

    plans_allowed: dict[str, Any] = field(default_factory=dict[str, Any])
    plans_allowed_uid: str | None = None


@dataclass(frozen=True, slots=True)
class PlansExisting:
    """Descriptions by name, and the uid of this content."""

    plans_existing: dict[str, Any] = field(default_factory=dict[str, Any])
    plans_existing_uid: str | None = None


@dataclass(frozen=True, slots=True)
class DevicesAllowed:
    """Descriptions by name, and the uid of this content."""

    devices_allowed: dict[str, Any] = field(default_factory=dict[str, Any])
    devices_allowed_uid: str | None = None


@dataclass(frozen=True, slots=True)
class DevicesExisting:
    """Descriptions by name, and the uid of this content."""

    devices_existing: dict[str, Any] = field(default_factory=dict[str, Any])
    devices_existing_uid: str | None = None


@dataclass(frozen=True, slots=True)
class DagsAllowed:
    """Descriptions by name, and the uid of this content."""

    dags_allowed: dict[str, Any] = field(default_factory=dict[str, Any])
    dags_allowed_uid: str | None = None


@dataclass(frozen=True, slots=True)
class DagsExisting:
    """Descriptions by name, and the uid of this content."""

    dags_existing: dict[str, Any] = field(default_factory=dict[str, Any])
    dags_existing_uid: str | None = None


def _read(name: str, path: str, summary: str, params: type[Params], result: type[Any], notes: str = "") -> Method:
    return Method(
        name=name,
        summary=summary,
        kind="memory",
        scope="read:resources",
        route=("GET", path),
        params=params,
        result=result,
        refusal="",
        notes=notes,
        example={"user_group": "primary"} if name == "dags_allowed" else {},
    )


METHODS = (
    _read("plans_allowed", "/plans", "Return the plans that a user group may run.", PlansAllowedParams, PlansAllowed),
    _read("plans_existing", "/plans/existing", "Return all plans.", PlansExistingParams, PlansExisting),
    _read(
        "devices_allowed", "/devices", "Return the devices that a user group may use.", AllowedParams, DevicesAllowed
    ),
    _read("devices_existing", "/devices/existing", "Return all devices.", LaneParams, DevicesExisting),
    _read(
        "dags_allowed",
        "/dags",
        "Return the processing graphs that a user group may execute, each with the JSON Schema of its parameters.",
        AllowedParams,
        DagsAllowed,
        "Without a lane, that of the only lane that executes graphs. What is allowed of plans is allowed of graphs of "
        "the same names.",
    ),
    _read(
        "dags_existing",
        "/dags/existing",
        "Return all processing graphs, each with the JSON Schema of its parameters.",
        LaneParams,
        DagsExisting,
        "Without a lane, that of the only lane that executes graphs.",
    ),
)
