"""Declarations about the manager itself: ping, status, configuration, and its orderly end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import Field

from queue_server.protocol.method import Method, Params


class StatusParams(Params):
    """What clients send along."""

    reload: bool | None = Field(default=None, description="Accepted without effect: the status is always fresh.")


@dataclass(frozen=True, slots=True)
class Configuration:
    """What clients ask about the manager's set-up."""

    config: dict[str, Any] = field(default_factory=lambda: {"ip_connect_info": {}})


class ManagerStopParams(Params):
    """How careful the end must be."""

    option: Literal["safe_on", "safe_off"] = Field(
        default="safe_on",
        description="safe_on: only while idle; safe_off: at once; workers are killed and a running plan is lost.",
    )


METHODS = (
    Method(
        name="ping",
        summary="Return the status of the manager.",
        kind="memory",
        scope="read:status",
        route=("GET", "/ping"),
        params=StatusParams,
        bare=True,
    ),
    Method(
        name="status",
        summary="Return the status of the manager, its worker environment and its queue.",
        kind="memory",
        scope="read:status",
        route=("GET", "/status"),
        params=StatusParams,
        bare=True,
        notes="Answered from memory; never waits for the store.",
    ),
    Method(
        name="config_get",
        summary="Return configuration that clients need.",
        kind="memory",
        scope="read:config",
        route=("GET", "/config"),
        result=Configuration,
        notes="`config.info` is the address of the notices; without it none are published. An address that holds for "
        "every interface (0.0.0.0) means the host of the control socket.",
    ),
    Method(
        name="manager_stop",
        summary="End the manager in order; an open environment is closed first, a running plan is left to its worker.",
        kind="mutation",
        scope="write:manager:stop",
        route=("POST", "/manager/stop"),
        params=ManagerStopParams,
    ),
    Method(
        name="manager_kill",
        summary="Freeze the manager, so that its supervisor has to replace it; there is no reply. For tests only.",
        kind="memory",
        scope="write:testing",
        route=("POST", "/manager/kill"),
        notes="Refused unless the setting `test_methods` is on. The worker and a running plan are not disturbed.",
    ),
)
