"""Where a request carries its credential: every face declares its places here or beside its dialect, as data.

Nothing here knows whose credential it is, or what its owner may do.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from starlette.requests import HTTPConnection

from http_gateway.errors import SchemeError
from http_gateway.identity import Credential, CredentialKind

API_KEY_COOKIE = "bluesky_httpserver_api_key"

Place = Literal["query", "apikey", "bearer", "basic", "cookie", "x-api-key", "api_key"]
"""Where a credential can stand: the query, a scheme of the header Authorization, a cookie, or a header of its own."""

_SCHEMES: Mapping[Place, str] = {
    "apikey": "'ApiKey <key>'",
    "bearer": "'Bearer <access token>'",
    "basic": "'Basic' with any user name and the token as password",
}


@dataclass(frozen=True, slots=True)
class Rules:
    """Where a face takes credentials.

    The first of ``places`` that has one decides, whether it is good or bad. With ``demands_all``, each place that has
    one must have a good one, and all must be of one user. With ``mixes``, an access token and an API key are good in
    each place; otherwise a Bearer is an access token and all else an API key.
    """

    places: tuple[Place, ...]
    mixes: bool = True
    demands_all: bool = False

    @property
    def schemes(self) -> tuple[Place, ...]:
        """The schemes of the header Authorization that are offered."""
        return tuple(place for place in self.places if place in ("apikey", "bearer", "basic"))


BLUESKY_RULES = Rules(("query", "apikey", "cookie", "bearer"), mixes=False)
"""The order of bluesky-httpserver, whose clients match what it says about each kind."""
NATIVE_RULES = Rules(("query", "apikey", "x-api-key", "cookie", "bearer"))


def find_credential(
    connection: HTTPConnection, rules: Rules = BLUESKY_RULES, *, query_keys: bool = False, is_strict: bool = True
) -> Credential:
    """Return the first credential of a request; a bad one never falls back to the next.

    Unless ``is_strict``, a header of a wrong form counts as none.

    Raises:
        SchemeError: a header has a form or a scheme that is not offered.
    """
    try:
        return find_credentials(connection, rules, query_keys=query_keys)[0]
    except SchemeError:
        if is_strict:
            raise
    others: tuple[Place, ...] = tuple(place for place in rules.places if place in ("query", "cookie"))
    return find_credentials(connection, Rules(others), query_keys=query_keys)[0]


def find_credentials(connection: HTTPConnection, rules: Rules, *, query_keys: bool = False) -> tuple[Credential, ...]:
    """Return the credentials of a request that count, at least one; that may be the credential of nobody.

    Raises:
        SchemeError: a header has a form or a scheme that is not offered.
    """
    found: list[Credential] = []
    for place in rules.places:
        secret = _READERS[place](connection, rules) if place != "query" or query_keys else None
        if secret is None:
            continue
        carrier = place if place in ("query", "cookie") else "header"
        found.append(Credential(_kind_of(place, secret, rules), secret, carrier))
        if not rules.demands_all:
            break
    return tuple(found) or (Credential(),)


def has_cookie(connection: HTTPConnection) -> bool:
    """Return whether a request has a key in a cookie."""
    return API_KEY_COOKIE in connection.cookies


def _kind_of(place: Place, secret: str, rules: Rules) -> CredentialKind:
    if not rules.mixes or place in ("query", "cookie", "apikey"):
        return "token" if place == "bearer" else "api_key"
    # A signed token has three parts; a key consists of letters and digits.
    return "token" if secret.count(".") == 2 else "api_key"


def _read_query(connection: HTTPConnection, rules: Rules) -> str | None:
    return connection.query_params.get("api_key")


def _read_cookie(connection: HTTPConnection, rules: Rules) -> str | None:
    return connection.cookies.get(API_KEY_COOKIE)


def _header_reader(name: str) -> Callable[[HTTPConnection, Rules], str | None]:
    def read(connection: HTTPConnection, rules: Rules) -> str | None:
        values = connection.headers.getlist(name)
        if not values:
            return None
        if len(values) > 1 or not values[0].strip():
            raise SchemeError(f"The header {name} must hold one key, and stand there once.")
        return values[0].strip()

    return read


def _scheme_reader(wanted: Place) -> Callable[[HTTPConnection, Rules], str | None]:
    def read(connection: HTTPConnection, rules: Rules) -> str | None:
        values = connection.headers.getlist("authorization")
        if not values:
            return None
        scheme, _, secret = values[0].strip().partition(" ")
        offered = rules.schemes
        if len(values) > 1 or scheme.lower() not in offered or not secret.strip():
            raise _explain(offered)
        if scheme.lower() != wanted:
            return None
        return _read_password(secret.strip(), offered) if wanted == "basic" else secret.strip()

    return read


def _read_password(encoded: str, offered: tuple[Place, ...]) -> str:
    try:
        _, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise _explain(offered) from None
    if not colon or not password.strip():
        raise _explain(offered)
    return password.strip()


def _explain(offered: tuple[Place, ...]) -> SchemeError:
    forms = " or ".join(_SCHEMES[place] for place in offered)
    return SchemeError(f"The Authorization header must be {forms}, once.")


_READERS: Mapping[Place, Callable[[HTTPConnection, Rules], str | None]] = {
    "query": _read_query,
    "cookie": _read_cookie,
    "apikey": _scheme_reader("apikey"),
    "bearer": _scheme_reader("bearer"),
    "basic": _scheme_reader("basic"),
    "x-api-key": _header_reader("x-api-key"),
    "api_key": _header_reader("api_key"),
}
