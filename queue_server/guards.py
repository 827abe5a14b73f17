"""What stands between a well-formed request and its handler: whose word is accepted for whom, and the lock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from queue_server.core.locks import Lock
from queue_server.handlers.lock_keys import LockKeys
from queue_server.handlers.locks import describe_lock
from queue_server.protocol.envelope import Request
from queue_server.protocol.errors import ForbiddenError, LockedError, ParameterError, StaleError
from queue_server.protocol.items import Origin
from queue_server.protocol.method import EVERYBODYS_SCOPE, LockableParams, Method, Params, field_names
from queue_server.protocol.peer import Peer

_ORIGIN_KEYS = ("user", "group", "scopes", "client", "request_id")
_MOST_SCOPES = 100
_LONGEST_WORD = 256


def identify(request: Request, method: Method, peer: Peer) -> Origin:
    """Return who asks: whom a peer with the right to delegate names, else the owner of its key, else what it claims.

    ``origin`` is a map of ``user``, ``group``, ``client``, ``request_id`` (strings) and ``scopes`` (a list of
    strings); with scopes, that of the method must be among them.

    Raises:
        ForbiddenError: the peer has no right to delegate, or whom it speaks for may not call this method.
        ParameterError: ``origin`` has an unknown key or a wrong type.
    """
    if peer.scopes is not None and method.scope not in (*peer.scopes, EVERYBODYS_SCOPE):
        raise ForbiddenError(f"{method.name} needs the scope {method.scope!r}, which the key of {peer.name!r} lacks.")
    if request.origin is None:
        claims = _claims_of(request)
        return replace(claims, user=peer.name) if peer.name else claims
    if not peer.may_delegate:
        raise ForbiddenError("'origin' is accepted only from a peer with the right to delegate; leave it out.")
    given = request.origin
    unknown = sorted(str(key) for key in given if key not in _ORIGIN_KEYS)
    if unknown:
        raise ParameterError(f"'origin' has unknown keys {unknown}; it may have {list(_ORIGIN_KEYS)}.", field="origin")
    scopes = given.get("scopes")
    if scopes is not None:
        if not isinstance(scopes, (list, tuple)) or len(scopes) > _MOST_SCOPES:
            message = f"'origin.scopes' must be a list of at most {_MOST_SCOPES} scopes."
            raise ParameterError(message, field="origin")
        if method.scope not in scopes:
            raise ForbiddenError(f"{method.name} needs the scope {method.scope!r}, which this identity does not have.")
    return Origin(
        user=_word(given, "user"),
        group=_word(given, "group"),
        client=_word(given, "client"),
        request_id=_word(given, "request_id"),
    )


def sign(request: Request, method: Method, peer: Peer) -> dict[str, Any]:
    """Return the parameters, with the owner of the key as the user: what a message says of that is only a claim."""
    params = dict(request.params)
    if peer.name and request.origin is None and "user" in field_names(method.params):
        params["user"] = peer.name
    return params


def require_gateway(method: Method, peer: Peer) -> None:
    """Refuse to anybody else what only a gateway may ask.

    Raises:
        ForbiddenError: the peer has no right to delegate.
    """
    if method.is_for_gateways and not peer.may_delegate:
        raise ForbiddenError(f"{method.name} is for gateways: for peers with the right to delegate.")


def _word(given: Mapping[str, Any], key: str) -> str:
    value = given.get(key, "")
    if not isinstance(value, str) or len(value) > _LONGEST_WORD:
        raise ParameterError(f"'origin.{key}' must be a string of at most {_LONGEST_WORD} characters.", field="origin")
    return value


def _claims_of(request: Request) -> Origin:
    user, group = request.params.get("user"), request.params.get("user_group")
    return Origin(
        user=user if isinstance(user, str) else "",
        group=group if isinstance(group, str) else "",
        request_id="" if request.id is None else str(request.id),
    )


def require_unchanged(request: Request, method: Method, queue_uid: str) -> None:
    """Refuse a request that is based on another state of the queue; ``queue_uid`` stands for the present one.

    Raises:
        StaleError: the queue has changed.
        ParameterError: the method changes nothing that could depend on the queue.
    """
    if request.if_queue_uid is None:
        return
    if method.kind != "mutation":
        raise ParameterError(f"{method.name} cannot depend on 'if_queue_uid'; leave it out.", field="if_queue_uid")
    if request.if_queue_uid != queue_uid:
        message = "The queue has changed since it was read; nothing was done. Read it again, and decide anew."
        raise StaleError(message, details={"plan_queue_uid": queue_uid})


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
