"""The lock that a person puts on the environment, the queue, or both, and the rules for setting and clearing it.

The state holds a digest of the key and never the key; whether a key fits is decided where requests are guarded.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from queue_server.protocol.errors import ParameterError

if TYPE_CHECKING:
    from queue_server.core.effects import Effect
    from queue_server.core.model import State


class Lock(Struct, frozen=True):
    """What is locked, by whom, why, and since when in seconds since 1970-01-01 UTC."""

    environment: bool = False
    queue: bool = False
    user: str | None = None
    note: str | None = None
    time: float | None = None
    digest: str = ""

    @property
    def is_set(self) -> bool:
        """Whether anything is locked."""
        return self.environment or self.queue


OPEN = Lock()


class LockSet(Struct, frozen=True):
    """A person locks; who may do so over an existing lock was decided before."""

    lock: Lock


class LockCleared(Struct, frozen=True):
    """A person unlocks; that the key fits was decided before."""


def set_lock(state: State, event: LockSet) -> tuple[State, tuple[Effect, ...]]:
    """Put the lock on."""
    if not event.lock.is_set:
        raise ParameterError("Invalid option: environment and/or queue must be selected", field="environment")
    return replace(state, lock=event.lock).bump("lock"), ()


def clear_lock(state: State, event: LockCleared) -> tuple[State, tuple[Effect, ...]]:
    """Take the lock off, if there is one."""
    if not state.lock.is_set:
        return state, ()
    return replace(state, lock=OPEN).bump("lock"), ()


RULES: Mapping[type, Any] = {LockSet: set_lock, LockCleared: clear_lock}
