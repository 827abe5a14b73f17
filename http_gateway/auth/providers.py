"""Providers of identities that take a name and a password. They say who somebody is, never what they may do."""

from __future__ import annotations

import asyncio
import hmac
import os
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from typing import Any, ClassVar, Protocol, runtime_checkable
from unicodedata import is_normalized

from http_gateway.auth.classes import need
from http_gateway.auth.local_accounts import PasswordHashes, read_hash, rewrite_hash
from http_gateway.auth.store import AccountStore
from http_gateway.errors import ThrottledError
from queue_server.protocol.errors import ParameterError

HASHING_NICENESS = 10
"""A password takes tens of milliseconds of a processor, on purpose; those who have logged in already come first."""
_THREADS = 4
_MOST_WAITING = 32


class Mode(StrEnum):
    """How people prove who they are: with a password here, or at another site."""

    password = "password"
    external = "external"


@runtime_checkable
class NeedsStore(Protocol):
    """A provider that keeps its accounts in our database."""

    def use_store(self, store: AccountStore) -> None:
        """Take the database."""
        ...


@runtime_checkable
class Closable(Protocol):
    """A provider that holds something open."""

    def close(self) -> None:
        """Let go of it."""
        ...


class DummyAuthenticator:
    """Accepts everybody. For tests; refused elsewhere."""

    mode: ClassVar[Mode] = Mode.password

    async def authenticate(self, username: str, password: str) -> str | None:
        """Return the name."""
        return username


class DictionaryAuthenticator:
    """Knows names and passwords from the configuration."""

    mode: ClassVar[Mode] = Mode.password

    def __init__(self, users_to_passwords: Mapping[str, str]) -> None:
        self._passwords = {str(name): str(password).encode() for name, password in users_to_passwords.items()}

    async def authenticate(self, username: str, password: str) -> str | None:
        """Return the name if the password is right."""
        known = self._passwords.get(username)
        right = hmac.compare_digest(password.encode(errors="replace"), known if known is not None else b"")
        return username if right and known is not None else None


class ThreadedAuthenticator:
    """Asks something that blocks, in a few threads; more than a few dozen waiting logins are refused.

    ``niceness`` is added to that of the threads, for those that compute.
    """

    mode: ClassVar[Mode] = Mode.password

    def __init__(self, niceness: int = 0) -> None:
        self._threads = ThreadPoolExecutor(
            _THREADS, thread_name_prefix="logins", initializer=_be_nice, initargs=(niceness,)
        )
        self._waiting = 0

    def verify(self, username: str, password: str) -> str | None:
        """Return the name if the password is right. Blocks."""
        raise NotImplementedError

    async def authenticate(self, username: str, password: str) -> str | None:
        """Return the name if the password is right.

        Raises:
            ThrottledError: too many logins wait already.
        """
        if self._waiting >= _MOST_WAITING:
            raise ThrottledError("Too many people log in at once.", retry_after_s=1.0)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self.verify, username, password)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)


class LocalAuthenticator(ThreadedAuthenticator):
    """Knows the accounts that ``cuelight user add`` makes; their passwords are hashed with argon2id."""

    def __init__(self) -> None:
        super().__init__(HASHING_NICENESS)
        self._hashes = PasswordHashes()
        self._store: AccountStore | None = None

    def use_store(self, store: AccountStore) -> None:
        """Take the database."""
        self._store = store

    def verify(self, username: str, password: str) -> str | None:
        """Return the name if the password is right. Blocks."""
        if self._store is None:
            raise ParameterError("Local accounts need the account database.", field="authentication.providers")
        known = self._store.run(lambda connection: read_hash(connection, username), False)
        if not self._hashes.matches(known, password) or known is None:
            return None
        if self._hashes.is_outdated(known):
            renewed = self._hashes.make(password)
            self._store.run(lambda connection: rewrite_hash(connection, username, renewed))
        return username


class PAMAuthenticator(ThreadedAuthenticator):
    """Asks the host (PAM)."""

    def __init__(self, service: str = "login") -> None:
        super().__init__()
        self._service = service
        self._pam = need("pamela", "pam", "PAMAuthenticator")

    def verify(self, username: str, password: str) -> str | None:
        """Return the name if the password is right. Blocks."""
        try:
            self._pam.authenticate(username, password, service=self._service)
        except self._pam.PAMError:
            return None
        return username


class LDAPAuthenticator(ThreadedAuthenticator):
    """Asks a directory (LDAP) by binding as the user who logs in."""

    def __init__(self, server_address: str | Sequence[str], server_port: int | None = None, **options: Any) -> None:
        super().__init__()
        # Imported only where it is used: most sites have no directory.
        from http_gateway.auth.directory import Directory, read_options

        self._directory = Directory(server_address, server_port, read_options(options))

    def verify(self, username: str, password: str) -> str | None:
        """Return the name if the password is right. Blocks."""
        return self._directory.verify(username, password)


def mode_of(authenticator: object) -> Mode:
    """Return how an authenticator works, whichever class it is.

    Raises:
        ParameterError: it does not say.
    """
    mode = getattr(authenticator, "mode", None)
    try:
        return Mode(getattr(mode, "value", mode))
    except ValueError as error:
        raise ParameterError(
            f"{type(authenticator).__name__} must have a 'mode': 'password' or 'external'.",
            field="authentication.providers",
        ) from error


_NAME = re.compile(r"[^\"<>]{1,128}")


def is_name(text: str) -> bool:
    """Whether a login may have this name: not what shows who somebody is elsewhere, and written in one way only.

    That is 1 to 128 characters, all of them visible, in the composed form of Unicode (NFC), without ``"<>``.
    """
    return _NAME.fullmatch(text) is not None and text.isprintable() and is_normalized("NFC", text)


def _be_nice(niceness: int) -> None:
    # On Linux a priority is that of a thread.
    if niceness:
        os.setpriority(os.PRIO_PROCESS, 0, os.getpriority(os.PRIO_PROCESS, 0) + niceness)
