"""What stands between a well-formed request and its handler: whose word is accepted for whom, and the lock."""

from __future__ import annotations

from queue_server.core.locks import Lock
from queue_server.handlers.lock_keys import LockKeys
from queue_server.handlers.locks import describe_lock
from queue_server.protocol.envelope import Request
from queue_server.protocol.errors import ForbiddenError, LockedError
from queue_server.protocol.method import LockableParams, Method, Params


def refuse_origin(request: Request) -> None:
    """Refuse a request that speaks for somebody else.

    Raises:
        ForbiddenError: the request has an ``origin``, which only a peer with the right to delegate may set, and no
            peer has been given that right.
    """
    if request.origin is not None:
        raise ForbiddenError("'origin' is accepted only from a peer with the right to delegate; leave it out.")


def require_key(method: Method, params: Params, lock: Lock, keys: LockKeys) -> None:
    """Refuse a method that the lock forbids, unless the request has its key.

    Raises:
        LockedError: it is locked, and the key is missing or does not fit.
        BusyError: too many wrong keys were tried.
    """
    is_locked = (method.lock == "environment" and lock.environment) or (method.lock == "queue" and lock.queue)
    if not is_locked:
        return
    key = params.lock_key if isinstance(params, LockableParams) else None
    if key is None or not keys.fits(key, lock):
        raise LockedError(f"Invalid lock key: {describe_lock(lock)} Send its key as 'lock_key', or unlock first.")
