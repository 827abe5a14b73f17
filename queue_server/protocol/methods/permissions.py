"""Declarations about the permissions of user groups."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pydantic import Field

from queue_server.protocol.method import LockableParams, Method


class PermissionsSetParams(LockableParams):
    """The new permissions of all groups."""

    user_group_permissions: dict[str, Any] | None = Field(
        default=None, description="A map with the key user_groups, as in user_group_permissions.yaml."
    )


class PermissionsReloadParams(LockableParams):
    """What to read again."""

    restore_permissions: bool = Field(
        default=True,
        description="True: take the permissions of the startup files, if the setting permissions_reload allows it.",
    )
    restore_plans_devices: bool = Field(
        default=False, description="True: take the plans and devices of the list file in place of the present ones."
    )


@dataclass(frozen=True, slots=True)
class Permissions:
    """The permissions of all user groups."""

    user_group_permissions: dict[str, Any] = field(default_factory=dict[str, Any])


METHODS = (
    Method(
        name="permissions_get",
        summary="Return the permissions of all user groups.",
        kind="memory",
        scope="read:config",
        route=("GET", "/permissions"),
        result=Permissions,
    ),
    Method(
        name="permissions_set",
        summary="Replace the permissions of all user groups; a wrong set changes nothing.",
        kind="mutation",
        scope="write:permissions",
        route=("POST", "/permissions"),
        params=PermissionsSetParams,
        lock="queue",
    ),
    Method(
        name="permissions_reload",
        summary="Take the permissions of the startup files again.",
        kind="mutation",
        scope="write:config",
        route=("POST", "/permissions/reload"),
        params=PermissionsReloadParams,
        lock="queue",
        notes="The uids of the allowed plans and devices change, also where their content stays the same; with "
        "restore_plans_devices those of the existing ones do too. A file that cannot be used changes nothing.",
    ),
)
