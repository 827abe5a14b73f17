"""Scopes and roles: the constants from which every decision about access is made."""

from __future__ import annotations

import typing

from queue_server.protocol.method import GATEWAY_SCOPE
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
"""The 25 scopes of bluesky-httpserver 0.0.14, the only ones that its dialect lists."""

_RECORDS = ("devices", "exams", "workflows", "batches", "artifacts")
READ_RECORDS = frozenset(f"read:{part}" for part in _RECORDS)
WRITE_RECORDS = frozenset(f"write:{part}" for part in _RECORDS)
EVERYBODYS_SCOPES = frozenset({"estop"})
"""What every identity has, whatever its roles and however narrow its key: anybody may stop a machine."""
RESET_SCOPES = frozenset({"write:estop"})
"""What releases an emergency stop: for those who also run plans."""
ALL_SCOPES = SCOPES | READ_RECORDS | WRITE_RECORDS | EVERYBODYS_SCOPES | RESET_SCOPES

SINGLE_USER = "UNAUTHENTICATED_SINGLE_USER"
PUBLIC_USER = "UNAUTHENTICATED_PUBLIC"

_OBSERVER = READ_SCOPES | READ_RECORDS | {"user:apikeys"}
_USER = _OBSERVER | USER_SCOPES | WRITE_RECORDS | RESET_SCOPES

ROLES: dict[str, frozenset[str]] = {
    "admin": frozenset({"read:status", *ACCOUNT_SCOPES}),
    "expert": _USER | (WRITE_SCOPES - {"write:manager:stop", "write:testing"}),
    "advanced": _USER,
    "user": _USER,
    "observer": _OBSERVER,
    SINGLE_USER.lower(): _USER | WRITE_SCOPES | EVERYBODYS_SCOPES,
    PUBLIC_USER.lower(): frozenset({"read:status"}),
}

# A method whose scope no role can have would be out of everybody's reach, but for those that only gateways call.
_unknown = set(typing.get_args(MethodScope)) - ALL_SCOPES - {GATEWAY_SCOPE}
if _unknown:
    raise RuntimeError(f"Methods need scopes that do not exist: {sorted(_unknown)}")
