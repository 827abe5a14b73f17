"""The guard in front of every route and socket: finds the credential, asks whose it is, and requires a scope."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from functools import partial
from typing import Final, Protocol, runtime_checkable

from starlette.requests import HTTPConnection

from http_gateway.auth.throttle import SecretThrottle
from http_gateway.credentials import BLUESKY_RULES, Rules, find_credentials
from http_gateway.errors import CredentialError, ExpiredError, OriginError, ScopeError
from http_gateway.identity import Credential, Identity
from queue_server.clock import SystemClock

CSRF_COOKIE = "bluesky_httpserver_csrf"
CSRF_HEADER = "x-csrf"

ORIGIN_PROVES = "origin_proves"
"""In the state of a request: its page cannot send the header against other sites' pages; its origin counts instead."""

PUBLIC: Final = "public"
"""Instead of a scope: anybody, with or without a credential."""
UNREAD: Final = "unread"
"""Instead of a scope: anybody, and no credential is looked at. For routes by which people get their credentials."""
ANYBODY_KNOWN: Final = "known"
"""Instead of a scope: every identity that is not anonymous."""

_SAFE_VERBS = frozenset({"GET", "HEAD", "OPTIONS"})
_UNREAD = Identity("", "", frozenset(), is_anonymous=True)


class Accounts(Protocol):
    """Whoever knows credentials."""

    async def identify(self, credential: Credential) -> Identity:
        """Return whose credential it is; the anonymous identity for none.

        Raises:
            CredentialError: it is unknown, expired or revoked.
        """
        ...

    async def renew(self, identity: Identity) -> Identity:
        """Return who an identity is now, and what it may do now.

        Raises:
            CredentialError: its credential was revoked or has expired, or it has no access any more.
        """
        ...


@runtime_checkable
class StoredAccounts(Protocol):
    """Accounts that need a store."""

    async def check(self) -> None:
        """Ask the store something.

        Raises:
            CuelightError: it does not answer.
        """
        ...


class Guard:
    """Decides whether a request may pass. The scope is always a constant of the route, never of the request."""

    def __init__(self, accounts: Accounts, *, query_keys: bool = False, throttle: SecretThrottle | None = None) -> None:
        self._accounts = accounts
        self._query_keys = query_keys
        self._throttle = throttle or SecretThrottle(SystemClock())

    async def check_accounts(self) -> None:
        """Return once the accounts have answered, if they need a store.

        Raises:
            CuelightError: they do not.
        """
        if isinstance(self._accounts, StoredAccounts):
            await self._accounts.check()

    async def admit(self, connection: HTTPConnection, scope: str, rules: Rules = BLUESKY_RULES) -> Identity:
        """Return the identity behind a connection that may pass; ``rules`` say where its credential can be.

        Raises:
            CredentialError: there is no valid credential, or there are those of two users.
            ScopeError: the identity lacks the scope.
            OriginError: a cookie came without proof that a page of this site sent it.
            ThrottledError: too many wrong credentials came from there.
        """
        if scope == UNREAD:
            return _UNREAD
        first, *others = find_credentials(connection, rules, query_keys=self._query_keys)
        identity = await self._identify_in(connection, first)
        for other in others:
            identity = _join(identity, await self._identify_in(connection, other))
        require(identity, scope)
        return identity

    async def _identify_in(self, connection: HTTPConnection, credential: Credential) -> Identity:
        if credential.carrier == "cookie":
            require_own_page(connection)
        return await self.identify(credential, address_of(connection))

    async def identify(self, credential: Credential, address: str = "") -> Identity:
        """Return whose credential it is; ``address`` is the host that it came from.

        Raises:
            CredentialError: it is unknown, expired or revoked.
            ThrottledError: too many wrong ones came from there.
        """
        if credential.kind == "none":
            return await self._accounts.identify(credential)
        identity = await self.try_secret(credential.secret, address, partial(self._accounts.identify, credential))
        self._throttle.succeed(credential.secret)
        return identity

    async def try_secret(self, secret: str, address: str, find: Callable[[], Awaitable[Identity]]) -> Identity:
        """Return what ``find`` returns for a secret that came from ``address``; its failures are counted.

        Raises:
            CredentialError: it is unknown, expired or revoked.
            ThrottledError: too many wrong ones came from there.
        """
        self._throttle.check(secret, address)
        try:
            return await find()
        except ExpiredError:
            # It was good once, so nobody is guessing.
            raise
        except CredentialError:
            self._throttle.fail(secret, address)
            raise

    async def renew(self, identity: Identity) -> Identity:
        """Return who an identity is now, and what it may do now.

        Raises:
            CredentialError: its credential was revoked or has expired, or it has no access any more.
        """
        return await self._accounts.renew(identity)


def _join(one: Identity, other: Identity) -> Identity:
    """Return what two credentials of one user allow together."""
    if (one.user, one.principal) != (other.user, other.principal):
        raise CredentialError("The request has the credentials of two users.")
    return replace(one, scopes=one.scopes & other.scopes)


def address_of(connection: HTTPConnection) -> str:
    """Return the host from which a connection comes."""
    return connection.client.host if connection.client is not None else ""


def require(identity: Identity, scope: str) -> None:
    """Refuse an identity that lacks the scope.

    Raises:
        ScopeError: it does.
    """
    if scope == PUBLIC or (scope == ANYBODY_KNOWN and not identity.is_anonymous):
        return
    if scope not in identity.scopes:
        required = [] if scope == ANYBODY_KNOWN else [scope]
        raise ScopeError(required, identity.scopes, anonymous=identity.is_anonymous)


def require_own_page(connection: HTTPConnection) -> None:
    """Refuse what a page of another site could have sent with the cookie of this one.

    Raises:
        OriginError: it could.
    """
    if connection.scope["type"] == "websocket":
        if not _is_from_here(connection):
            raise OriginError("A socket with a cookie can be opened only by a page of this site.")
        return
    if connection.scope["method"] in _SAFE_VERBS:
        return
    if connection.scope.get("state", {}).get(ORIGIN_PROVES):
        if not _is_from_here(connection):
            raise OriginError("A request with a cookie must come from a page of this site.")
        return
    given = connection.headers.get(CSRF_HEADER) or connection.query_params.get("csrf", "")
    known = connection.cookies.get(CSRF_COOKIE, "")
    if not known or not hmac.compare_digest(given.encode(), known.encode()):
        raise OriginError(f"A request with a cookie needs the header {CSRF_HEADER} with the value of {CSRF_COOKIE}.")


def require_known_origin(connection: HTTPConnection, listed: Collection[str]) -> None:
    """Refuse a socket that a page of another site opens, unless the site is listed; programs name no origin.

    Raises:
        OriginError: such a page does.
    """
    origins = connection.headers.getlist("origin")
    if any(origin not in listed for origin in origins) and not (len(origins) == 1 and _is_from_here(connection)):
        raise OriginError("Pages of another site can open a socket only if their origin is listed.")


def _is_from_here(connection: HTTPConnection) -> bool:
    return connection.headers.get("origin", "").partition("://")[2] == connection.headers.get("host")
