"""Declarations about the lock that a person puts on the environment, the queue, or both."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pydantic import Field

from queue_server.protocol.method import Method, Params


class LockParams(Params):
    """What to lock, with which key, for whom, and why."""

    lock_key: str = Field(min_length=1, max_length=1024, description="Key that unlocks; only its digest is kept.")
    user: str = Field(min_length=1, max_length=128, description="Name of the person who locks.")
    environment: bool = Field(default=False, description="Lock what changes the environment and the running plan.")
    queue: bool = Field(default=False, description="Lock what changes the queue.")
    note: str | None = Field(default=None, max_length=2000, description="Why it is locked; shown to everybody.")


class UnlockParams(Params):
    """The key that was used to lock, or the emergency key."""

    lock_key: str = Field(min_length=1, max_length=1024, description="Key of the lock, or the emergency key.")


class LockInfoParams(Params):
    """Optionally a key to try."""

    lock_key: str | None = Field(
        default=None, min_length=1, max_length=1024, description="The request is refused if this key does not fit."
    )


@dataclass(frozen=True, slots=True)
class LockReply:
    """What is locked, by whom and why, and the uid of this content."""

    lock_info: dict[str, Any] = field(default_factory=dict[str, Any])
    lock_info_uid: str | None = None


METHODS = (
    Method(
        name="lock",
        summary="Lock the environment, the queue, or both; whoever has the key can still change them.",
        kind="mutation",
        scope="write:lock",
        route=("POST", "/lock"),
        params=LockParams,
        result=LockReply,
    ),
    Method(
        name="unlock",
        summary="Take the lock off.",
        kind="mutation",
        scope="write:lock",
        route=("POST", "/unlock"),
        params=UnlockParams,
        result=LockReply,
    ),
    Method(
        name="lock_info",
        summary="Return what is locked, and check a key.",
        kind="memory",
        scope="read:lock",
        route=("GET", "/lock"),
        params=LockInfoParams,
        result=LockReply,
    ),
)
