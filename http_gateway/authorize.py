"""The guard in front of every route and socket: finds the credential, asks whose it is, and requires a scope."""

from __future__ import annotations

import hmac
from typing import Final, Protocol, runtime_checkable

from starlette.requests import HTTPConnection

from http_gateway.auth.throttle import SecretThrottle
from http_gateway.errors import CredentialError, ExpiredError, OriginError, SchemeError, ScopeError
from http_gateway.identity import Credential, Identity
from queue_server.clock import SystemClock

API_KEY_COOKIE = "bluesky_httpserver_api_key"
CSRF_COOKIE = "bluesky_httpserver_csrf"
CSRF_HEADER = "x-csrf"

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

    async def admit(self, connection: HTTPConnection, scope: str) -> Identity:
        """Return the identity behind a connection that may pass.

        Raises:
            CredentialError: there is no valid credential.
            ScopeError: the identity lacks the scope.
            OriginError: a cookie came without proof that a page of this site sent it.
            ThrottledError: too many wrong credentials came from there.
        """
        if scope == UNREAD:
            return _UNREAD
        credential = find_credential(connection, query_keys=self._query_keys)
        if credential.carrier == "cookie":
            require_own_page(connection)
        identity = await self.identify(credential, address_of(connection))
        require(identity, scope)
        return identity

    async def identify(self, credential: Credential, address: str = "") -> Identity:
        """Return whose credential it is; ``address`` is the host that it came from.

        Raises:
            CredentialError: it is unknown, expired or revoked.
            ThrottledError: too many wrong ones came from there.
        """
        if credential.kind == "none":
            return await self._accounts.identify(credential)
        self._throttle.check(credential.secret, address)
        try:
            identity = await self._accounts.identify(credential)
        except ExpiredError:
            # It was good once, so nobody is guessing.
            raise
        except CredentialError:
            self._throttle.fail(credential.secret, address)
            raise
        self._throttle.succeed(credential.secret)
        return identity


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


def find_credential(connection: HTTPConnection, *, query_keys: bool = False, is_strict: bool = True) -> Credential:
    """Return the first credential of a request; a bad one never falls back to the next.

    Unless ``is_strict``, an Authorization header of a wrong form counts as none.

    The order is that of bluesky-httpserver: key in the query (if allowed), key in the header, key in a cookie, access
    token in the header.

    Raises:
        SchemeError: the Authorization header has a scheme that is not offered, or is malformed.
    """
    if query_keys and "api_key" in connection.query_params:
        return Credential("api_key", connection.query_params["api_key"], "query")
    scheme, secret = _read_authorization(connection, is_strict)
    if scheme == "apikey":
        return Credential("api_key", secret, "header")
    if API_KEY_COOKIE in connection.cookies:
        return Credential("api_key", connection.cookies[API_KEY_COOKIE], "cookie")
    if scheme == "bearer":
        return Credential("token", secret, "header")
    return Credential()


def _read_authorization(connection: HTTPConnection, is_strict: bool) -> tuple[str, str]:
    values = connection.headers.getlist("authorization")
    if not values:
        return "", ""
    scheme, _, secret = values[0].strip().partition(" ")
    if len(values) > 1 or scheme.lower() not in {"apikey", "bearer"} or not secret.strip():
        if not is_strict:
            return "", ""
        raise SchemeError("The Authorization header must be 'ApiKey <key>' or 'Bearer <access token>', once.")
    return scheme.lower(), secret.strip()


def require_own_page(connection: HTTPConnection) -> None:
    """Refuse what a page of another site could have sent with the cookie of this one.

    Raises:
        OriginError: it could.
    """
    if connection.scope["type"] == "websocket":
        origin = connection.headers.get("origin", "")
        if origin.partition("://")[2] != connection.headers.get("host"):
            raise OriginError("A socket with a cookie can be opened only by a page of this site.")
        return
    if connection.scope["method"] in _SAFE_VERBS:
        return
    given = connection.headers.get(CSRF_HEADER) or connection.query_params.get("csrf", "")
    known = connection.cookies.get(CSRF_COOKIE, "")
    if not known or not hmac.compare_digest(given.encode(), known.encode()):
        raise OriginError(f"A request with a cookie needs the header {CSRF_HEADER} with the value of {CSRF_COOKIE}.")
