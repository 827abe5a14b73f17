"""The frame around every request and reply on the control socket.

A request is ``{"method", "params"}`` with the optional keys ``id``, ``idempotency_key``, ``origin`` and
``if_queue_uid``; a reply has ``success`` and ``msg``, and after a refusal ``error: {code, details}`` as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from msgspec import Struct, field

from queue_server.protocol.errors import CuelightError, EnvelopeError

_KEYS = ("method", "params", "id", "idempotency_key", "origin", "if_queue_uid")
_KNOWN = frozenset(_KEYS)
_LONGEST_NAME = 128


class Request(Struct, frozen=True):
    """One request as it was received, not yet checked against a declaration.

    With ``if_queue_uid`` it is to be done only while the queue has that uid, the one on which it is based.
    """

    method: str
    params: Mapping[str, Any] = field(default_factory=dict[str, Any])
    id: str | int | None = None
    idempotency_key: str | None = None
    origin: Mapping[str, Any] | None = None
    if_queue_uid: str | None = None

    def as_mapping(self) -> dict[str, Any]:
        """Return the map that crosses the wire, without the keys that are not set."""
        optional = {
            "id": self.id,
            "idempotency_key": self.idempotency_key,
            "if_queue_uid": self.if_queue_uid,
            "origin": self.origin,
        }
        return {
            "method": self.method,
            "params": dict(self.params),
            **{key: value for key, value in optional.items() if value is not None},
        }


def read_request(message: Mapping[str, Any]) -> Request:
    """Return the request in a decoded message.

    Raises:
        EnvelopeError: a key is unknown, missing or of a wrong type; the message names it.
    """
    if not message.keys() <= _KNOWN:
        unknown = sorted(str(key) for key in message if key not in _KNOWN)
        raise EnvelopeError(f"The request has unsupported keys {unknown}. Supported keys: {list(_KEYS)}.")
    params = message.get("params")
    if params is not None and not isinstance(params, dict):
        raise EnvelopeError(f"'params' must be a map, not {type(params).__name__}.")
    identifier = message.get("id")
    if identifier is not None and (isinstance(identifier, bool) or not isinstance(identifier, (str, int))):
        raise EnvelopeError(f"'id' must be a string or an integer, not {type(identifier).__name__}.")
    origin = message.get("origin")
    if origin is not None and not isinstance(origin, dict):
        raise EnvelopeError(f"'origin' must be a map, not {type(origin).__name__}.")
    return Request(
        method=_read_name(message, "method") or "",
        params=cast("dict[str, Any]", params or {}),
        id=identifier,
        idempotency_key=_read_name(message, "idempotency_key", required=False),
        if_queue_uid=_read_name(message, "if_queue_uid", required=False),
        origin=cast("dict[str, Any] | None", origin),
    )


def succeed(fields: Mapping[str, Any], identifier: str | int | None = None) -> dict[str, Any]:
    """Return the reply to a request that was done."""
    reply = {"success": True, "msg": "", **fields}
    return reply if identifier is None else {**reply, "id": identifier}


def refuse(
    error: CuelightError,
    fields: Mapping[str, Any] | None = None,
    identifier: str | int | None = None,
    prefix: str = "",
) -> dict[str, Any]:
    """Return the reply to a request that was not done.

    ``fields`` keeps the shape of the method's reply; ``prefix`` stands before the error, unless it has a lead.
    """
    reply = {
        **(fields or {}),
        **error.fields,
        "success": False,
        "msg": f"{prefix if error.lead is None else error.lead}{error.message}",
        "error": {"code": error.code, "details": error.details},
    }
    return reply if identifier is None else {**reply, "id": identifier}


def _read_name(message: Mapping[str, Any], key: str, *, required: bool = True) -> str | None:
    value = message.get(key)
    if value is None and not required:
        return None
    if not isinstance(value, str) or not value or len(value) > _LONGEST_NAME:
        raise EnvelopeError(f"'{key}' must be a string of 1 to {_LONGEST_NAME} characters.")
    return value
