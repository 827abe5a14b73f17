"""Handlers of the methods about the lock."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

from queue_server.access.names import require_name
from queue_server.core.locks import Lock, LockCleared, LockSet
from queue_server.handlers.context import Desk, MemoryContext, TurnContext
from queue_server.handlers.group import group
from queue_server.protocol.errors import ForbiddenError, ParameterError
from queue_server.protocol.methods.locks import LockInfoParams, LockParams, LockReply, UnlockParams

_log = logging.getLogger(__name__)


def set_lock(context: TurnContext, params: LockParams) -> LockReply:
    """Lock, or change a lock whose key is known."""
    if not params.environment and not params.queue:
        raise ParameterError("Invalid option: environment and/or queue must be selected", field="environment")
    require_name(params.user, "user")
    turn, keys = context.turn, context.desk.keys
    if turn.state.lock.is_set and not keys.fits(params.lock_key, turn.state.lock):
        raise ForbiddenError(f"RE Manager was locked with a different key: {describe_lock(turn.state.lock)}")
    digest = keys.digest(params.lock_key)
    lock = Lock(params.environment, params.queue, params.user, params.note, turn.now, digest)
    turn.apply(LockSet(lock))
    context.record(environment=params.environment, queue=params.queue, note=params.note)
    _log.info("Locked by %s: environment=%s queue=%s", params.user, params.environment, params.queue)
    return _reply(context.desk, lock, turn.state.revisions.lock)


def clear_lock(context: TurnContext, params: UnlockParams) -> LockReply:
    """Unlock; an open lock stays open."""
    turn = context.turn
    lock = turn.state.lock
    if lock.is_set:
        if not context.desk.keys.fits(params.lock_key, lock, emergency=True):
            raise ForbiddenError(f"Invalid lock key: {describe_lock(lock)}").with_fields(
                **_fields(context.desk, lock, turn.state.revisions.lock)
            )
        turn.apply(LockCleared())
        context.record()
        _log.info("Unlocked")
    return _reply(context.desk, turn.state.lock, turn.state.revisions.lock)


def tell_lock(context: MemoryContext, params: LockInfoParams) -> LockReply:
    """Return what is locked; a key that does not fit is refused."""
    state = context.desk.state()
    fields = _fields(context.desk, state.lock, state.revisions.lock)
    if params.lock_key is not None and state.lock.is_set and not context.desk.keys.fits(params.lock_key, state.lock):
        raise ForbiddenError(f"Invalid lock key: {describe_lock(state.lock)}").with_fields(**fields)
    return LockReply(**fields)


def describe_lock(lock: Lock) -> str:
    """Return a sentence that says who has locked what, since when and why; never the key."""
    parts = " and ".join(name for name, on in (("environment", lock.environment), ("queue", lock.queue)) if on)
    note = f" Note: {lock.note}" if lock.note else ""
    return f"RE Manager is locked by {lock.user} since {_time_text(lock)} ({parts}).{note}"


def _time_text(lock: Lock) -> str:
    if lock.time is None:
        return ""
    return datetime.fromtimestamp(lock.time, tz=UTC).astimezone().strftime("%m/%d/%Y %H:%M:%S")


def _reply(desk: Desk, lock: Lock, revision: int) -> LockReply:
    return LockReply(**_fields(desk, lock, revision))


def _fields(desk: Desk, lock: Lock, revision: int) -> dict[str, Any]:
    info = {
        "environment": lock.environment,
        "queue": lock.queue,
        "user": lock.user,
        "time": lock.time,
        "time_str": _time_text(lock),
        "note": lock.note,
        "emergency_lock_key_is_set": desk.keys.has_emergency_key,
    }
    return {"lock_info": info, "lock_info_uid": desk.uid("lock", revision)}


GROUP = group(turn={"lock": set_lock, "unlock": clear_lock}, memory={"lock_info": tell_lock})
