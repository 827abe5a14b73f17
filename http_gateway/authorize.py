"""The guard in front of every route and socket: finds the credential, asks whose it is, and requires a scope."""

from __future__ import annotations

import hmac
from typing import Final, Protocol

from starlette.requests import HTTPConnection

from http_gateway.errors import OriginError, SchemeError, ScopeError
from http_gateway.identity import Credential, Identity

API_KEY_COOKIE = "bluesky_httpserver_api_key"
CSRF_COOKIE = "bluesky_httpserver_csrf"
CSRF_HEADER = "x-csrf"

PUBLIC: Final = "public"
"""Instead of a scope: anybody, with or without a credential."""
ANYBODY_KNOWN: Final = "known"
"""Instead of a scope: every identity that is not anonymous."""

_SAFE_VERBS = frozenset({"GET", "HEAD", "OPTIONS"})


class Accounts(Protocol):
    """Whoever knows credentials."""

    async def identify(self, credential: Credential) -> Identity:
        """Return whose credential it is; the anonymous identity for none.

        Raises:
            CredentialError: it is unknown, expired or revoked.
            ThrottledError: too many wrong ones came from there.
        """
        ...


class Guard:
    """Decides whether a request may pass. The scope is always a constant of the route, never of the request."""

    def __init__(self, accounts: Accounts, *, query_keys: bool = False) -> None:
        self._accounts = accounts
        self._query_keys = query_keys

    async def admit(self, connection: HTTPConnection, scope: str) -> Identity:
        """Return the identity behind a connection that may pass.

        Raises:
            CredentialError: there is no valid credential.
            ScopeError: the identity lacks the scope.
            OriginError: a cookie came without proof that a page of this site sent it.
        """
        credential = find_credential(connection, query_keys=self._query_keys)
        if credential.carrier == "cookie":
            _require_own_page(connection)
        identity = await self._accounts.identify(credential)
        require(identity, scope)
        return identity


def require(identity: Identity, scope: str) -> None:
    """Refuse an identity that lacks the scope.

    Raises:
        ScopeError: it does.
    """
    if scope == PUBLIC or (scope == ANYBODY_KNOWN and not identity.is_anonymous):
        return
    if scope not in identity.scopes:
        raise ScopeError([scope], identity.scopes, anonymous=identity.is_anonymous)


def find_credential(connection: HTTPConnection, *, query_keys: bool = False) -> Credential:
    """Return the first credential of a request; a bad one never falls back to the next.

    The order is that of bluesky-httpserver: key in the query (if allowed), key in the header, key in a cookie, access
    token in the header.

    Raises:
        SchemeError: the Authorization header has a scheme that is not offered, or is malformed.
    """
    if query_keys and "api_key" in connection.query_params:
        return Credential("api_key", connection.query_params["api_key"], "query")
    scheme, secret = _read_authorization(connection)
    if scheme == "apikey":
        return Credential("api_key", secret, "header")
    if API_KEY_COOKIE in connection.cookies:
        return Credential("api_key", connection.cookies[API_KEY_COOKIE], "cookie")
    if scheme == "bearer":
        return Credential("token", secret, "header")
    return Credential()


def _read_authorization(connection: HTTPConnection) -> tuple[str, str]:
    values = connection.headers.getlist("authorization")
    if not values:
        return "", ""
    scheme, _, secret = values[0].strip().partition(" ")
    if len(values) > 1 or scheme.lower() not in {"apikey", "bearer"} or not secret.strip():
        raise SchemeError("The Authorization header must be 'ApiKey <key>' or 'Bearer <access token>', once.")
    return scheme.lower(), secret.strip()


def _require_own_page(connection: HTTPConnection) -> None:
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
