"""Scopes and roles: the constants from which every decision about access is made."""

from __future__ import annotations

import typing

from queue_server.protocol.method import Scope as MethodScope

READ_SCOPES = frozenset(
    f"read:{part}"
    for part in ("status", "queue", "history", "resources", "config", "monitor", "console", "lock", "testing")
)
USER_SCOPES = frozenset(
    f"write:{part}"
    for part in ("queue:edit", "queue:control", "manager:control", "plan:control", "execute", "history:edit")
)
WRITE_SCOPES = USER_SCOPES | frozenset(
    f"write:{part}" for part in ("permissions", "scripts", "config", "lock", "manager:stop", "testing")
)
ACCOUNT_SCOPES = frozenset({"user:apikeys", "admin:apikeys", "admin:read:principals", "admin:metrics"})
SCOPES = READ_SCOPES | WRITE_SCOPES | ACCOUNT_SCOPES
"""The 25 scopes of bluesky-httpserver 0.0.14."""

SINGLE_USER = "UNAUTHENTICATED_SINGLE_USER"
PUBLIC_USER = "UNAUTHENTICATED_PUBLIC"

ROLES: dict[str, frozenset[str]] = {
    "admin": frozenset({"read:status", *ACCOUNT_SCOPES}) | {"user:apikeys"},
    "expert": READ_SCOPES | {"user:apikeys"} | (WRITE_SCOPES - {"write:manager:stop", "write:testing"}),
    "advanced": READ_SCOPES | {"user:apikeys"} | USER_SCOPES,
    "user": READ_SCOPES | {"user:apikeys"} | USER_SCOPES,
    "observer": READ_SCOPES | {"user:apikeys"},
    SINGLE_USER.lower(): READ_SCOPES | WRITE_SCOPES | {"user:apikeys"},
    PUBLIC_USER.lower(): frozenset({"read:status"}),
}

# A method whose scope no role can have would be out of everybody's reach.
_unknown = set(typing.get_args(MethodScope)) - SCOPES
if _unknown:
    raise RuntimeError(f"Methods need scopes that do not exist: {sorted(_unknown)}")
