"""Accounts of this site: names and hashes of passwords (argon2id) in the account database."""

from __future__ import annotations

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from sqlalchemy import Connection, delete, insert, select, update

from http_gateway.auth.tables import LOCAL_ACCOUNTS

PROVIDER = "local"
SHORTEST_PASSWORD = 8


_PASSES, _MEMORY_KIB, _LANES = 2, 19_456, 1
"""What OWASP recommends for argon2id: a few logins at once must not take the memory of the host."""


class PasswordHashes:
    """Makes and compares hashes of passwords. Each takes tens of milliseconds and 19 MB, on purpose."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(_PASSES, _MEMORY_KIB, _LANES)
        self._nobody = ""

    def make(self, password: str) -> str:
        """Return the hash of a password."""
        return self._hasher.hash(password)

    def matches(self, known: str | None, password: str) -> bool:
        """Return whether a password is the one behind a hash; without a hash it never is."""
        # An unknown name takes as long as a wrong password.
        self._nobody = self._nobody or self.make("nobody")
        try:
            return self._hasher.verify(known or self._nobody, password) and known is not None
        except (Argon2Error, InvalidHashError):
            return False

    def is_outdated(self, known: str) -> bool:
        """Return whether a hash was made with weaker parameters than are used today."""
        return self._hasher.check_needs_rehash(known)


def read_hash(connection: Connection, name: str) -> str | None:
    """Return the hash of an account's password, None if there is no such account."""
    return connection.scalar(select(LOCAL_ACCOUNTS.c.password_hash).where(LOCAL_ACCOUNTS.c.name == name))


def rewrite_hash(connection: Connection, name: str, password_hash: str) -> bool:
    """Replace the hash of an account; return whether there is one."""
    chosen = update(LOCAL_ACCOUNTS).where(LOCAL_ACCOUNTS.c.name == name)
    return connection.execute(chosen.values(password_hash=password_hash)).rowcount > 0


def add_account(connection: Connection, name: str, password_hash: str, now: float) -> None:
    """Add an account."""
    connection.execute(insert(LOCAL_ACCOUNTS).values(name=name, password_hash=password_hash, created=now))


def remove_account(connection: Connection, name: str) -> bool:
    """Remove an account; return whether there was one."""
    return connection.execute(delete(LOCAL_ACCOUNTS).where(LOCAL_ACCOUNTS.c.name == name)).rowcount > 0
