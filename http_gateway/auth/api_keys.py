"""API keys: made, found by the hash of their secret, listed and removed. The secret itself is never kept."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from http_gateway.auth.tables import API_KEYS

INHERIT = "inherit"
"""Instead of scopes: those that the owner has when the key is used."""
_SECRET_BYTES = 36
_PREFIX_DIGITS = 8
_SHORT_LIFE_S = 120


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is known about a key. Times are seconds since 1970; ``expires`` None means never.

    ``session`` is that of the access token with which the key was made.
    """

    hash: str
    first_eight: str
    principal: str
    created: float
    expires: float | None
    note: str | None
    scopes: tuple[str, ...]
    latest_activity: float | None = None
    session: str | None = None

    @property
    def inherits(self) -> bool:
        """Whether the key can do what its owner can."""
        return INHERIT in self.scopes

    @property
    def is_for_one_connection(self) -> bool:
        """Whether it was made to open a connection that shall outlive it, as clients of bluesky-httpserver do."""
        return self.expires is not None and self.expires - self.created <= _SHORT_LIFE_S

    def lives(self, now: float) -> bool:
        """Whether it can still be used."""
        return self.expires is None or now < self.expires


def hash_secret(secret: str) -> str:
    """Return the SHA-256 of the bytes of a secret, or of its text if it is not hexadecimal."""
    try:
        data = bytes.fromhex(secret)
    except ValueError:
        data = secret.encode(errors="surrogatepass")
    return hashlib.sha256(data).hexdigest()


def add_key(
    connection: Connection, principal: str, scopes: Iterable[str], *, now: float, life_s: float | None, note: str | None
) -> tuple[ApiKey, str]:
    """Make a key; return it and its secret, 72 hexadecimal digits, which cannot be had again."""
    secret = secrets.token_hex(_SECRET_BYTES)
    expires = None if life_s is None else now + life_s
    key = ApiKey(hash_secret(secret), secret[:_PREFIX_DIGITS], principal, now, expires, note, tuple(scopes))
    connection.execute(
        insert(API_KEYS).values(
            hash=key.hash,
            first_eight=key.first_eight,
            principal=principal,
            created=now,
            expires=expires,
            note=note,
            scopes=list(key.scopes),
        )
    )
    return key, secret


def note_session(connection: Connection, key_hash: str, session: str) -> None:
    """Write with which session a key was made."""
    connection.execute(update(API_KEYS).where(API_KEYS.c.hash == key_hash).values(session=session))


def find_key(connection: Connection, key_hash: str) -> ApiKey | None:
    """Return the key whose secret has this hash."""
    row = connection.execute(select(*_COLUMNS).where(API_KEYS.c.hash == key_hash)).first()
    return _read(tuple(row)) if row is not None else None


def find_owned_key(connection: Connection, principal: str, first_eight: str) -> ApiKey | None:
    """Return the key of a principal that begins so."""
    chosen = (API_KEYS.c.principal == principal) & (API_KEYS.c.first_eight == first_eight)
    row = connection.execute(select(*_COLUMNS).where(chosen)).first()
    return _read(tuple(row)) if row is not None else None


def list_keys(connection: Connection, principal: str) -> list[ApiKey]:
    """Return the keys of a principal, the oldest first."""
    chosen = select(*_COLUMNS).where(API_KEYS.c.principal == principal)
    return [_read(tuple(row)) for row in connection.execute(chosen.order_by(API_KEYS.c.created, API_KEYS.c.hash))]


def delete_key(connection: Connection, principal: str, first_eight: str) -> bool:
    """Remove the key of a principal that begins so; return whether there was one."""
    chosen = (API_KEYS.c.principal == principal) & (API_KEYS.c.first_eight == first_eight)
    return connection.execute(delete(API_KEYS).where(chosen)).rowcount > 0


def remove_key(connection: Connection, key_hash: str) -> bool:
    """Remove the key whose secret has this hash; return whether there was one."""
    return connection.execute(delete(API_KEYS).where(API_KEYS.c.hash == key_hash)).rowcount > 0


def note_activity(connection: Connection, times: Mapping[str, float]) -> None:
    """Write when keys, named by their hash, were last used."""
    for key_hash, time in times.items():
        connection.execute(update(API_KEYS).where(API_KEYS.c.hash == key_hash).values(latest_activity=time))


def purge_keys(connection: Connection, now: float) -> int:
    """Remove what has expired; return how many."""
    return connection.execute(delete(API_KEYS).where(API_KEYS.c.expires <= now)).rowcount


def _read(row: tuple[object, ...]) -> ApiKey:
    *fields, scopes, latest_activity, session = row
    return ApiKey(*fields, scopes=tuple(scopes), latest_activity=latest_activity, session=session)  # type: ignore[arg-type]


_COLUMNS = (
    API_KEYS.c.hash,
    API_KEYS.c.first_eight,
    API_KEYS.c.principal,
    API_KEYS.c.created,
    API_KEYS.c.expires,
    API_KEYS.c.note,
    API_KEYS.c.scopes,
    API_KEYS.c.latest_activity,
    API_KEYS.c.session,
)
