"""Access and refresh tokens: JSON Web Tokens, signed with a secret of this site. Sessions decide whether they count."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import jwt

from http_gateway.auth.people import Person
from http_gateway.auth.secret_files import create_secret, read_secret
from http_gateway.auth.sessions import Session
from http_gateway.auth.settings import AuthenticationSettings
from http_gateway.errors import CredentialError, ExpiredError
from queue_server.clock import Clock
from queue_server.protocol.errors import ParameterError

ALGORITHM = "HS256"
ISSUER = "cuelight"
SECRETS_FILE = "token-secrets"
BAD_TOKEN = "Could not validate credentials"
# The client library refreshes its session when an answer begins with these words.
EXPIRED = "Access token has expired. Refresh token."
SESSION_EXPIRED = "Session has expired. Please re-authenticate."

Kind = Literal["access", "refresh"]

_REQUIRED = ("exp", "type", "sid", "jti", "iss", "aud")


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long things live, in seconds."""

    access_s: int
    refresh_s: int
    session_s: int


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says that is needed here: its id, session and end; for an access token also whose it is."""

    token_id: str
    session: str
    principal: str
    expires: float = 0.0


class TokenMint:
    """Makes and reads tokens; the first secret signs, all of them verify."""

    def __init__(self, keys: Sequence[str], lifetimes: Lifetimes, clock: Clock) -> None:
        if not keys:
            raise ParameterError("Tokens need at least one secret key.", field="authentication.secret_keys")
        # A digest has the length that the algorithm wants, whatever the length of the secret.
        self._keys = [hashlib.sha256(key.encode()).digest() for key in keys]
        self.lifetimes = lifetimes
        self._clock = clock

    def make_pair(self, person: Person, session: Session, scopes: Iterable[str]) -> dict[str, Any]:
        """Return the answer to a login or a refresh: both tokens, with their remaining lives in seconds."""
        now = self._clock.wall()
        left_s = max(1, int(session.expires - now))
        access_s, refresh_s = min(self.lifetimes.access_s, left_s), min(self.lifetimes.refresh_s, left_s)
        access = {
            "sub": person.uuid,
            "sub_typ": person.kind,
            "scp": sorted(scopes),
            "ids": [{"id": identity.id, "idp": identity.provider} for identity in person.identities],
        }
        return {
            "access_token": self._sign("access", access, session, uuid.uuid4().hex, now + access_s),
            "expires_in": access_s,
            "refresh_token": self._sign("refresh", {}, session, session.refresh_id, now + refresh_s),
            "refresh_token_expires_in": refresh_s,
            "token_type": "bearer",
        }

    def read(self, token: str, kind: Kind, *, ignore_expiry: bool = False) -> Claims:
        """Return what a token of this kind says.

        Raises:
            ExpiredError: it has expired.
            CredentialError: it is none, of another kind, or not signed here.
        """
        claims = self._verify(token)
        expires = claims["exp"]
        if claims["type"] != kind or not isinstance(expires, int | float):
            raise CredentialError(BAD_TOKEN)
        if not ignore_expiry and not self._clock.wall() < expires:
            raise ExpiredError(EXPIRED if kind == "access" else SESSION_EXPIRED)
        token_id, session, subject = str(claims.get("jti", "")), str(claims.get("sid", "")), str(claims.get("sub", ""))
        if not (token_id + session + subject).isascii():
            # No database could be asked for it.
            raise CredentialError(BAD_TOKEN)
        return Claims(token_id, session, subject, float(expires))

    def _sign(self, kind: Kind, claims: dict[str, Any], session: Session, token_id: str, expires: float) -> str:
        shared = {"type": kind, "sid": session.uuid, "jti": token_id, "iss": ISSUER, "aud": ISSUER, "exp": int(expires)}
        return jwt.encode({**claims, **shared}, self._keys[0], algorithm=ALGORITHM)

    def _verify(self, token: str) -> dict[str, Any]:
        for key in self._keys:
            try:
                return jwt.decode(
                    token,
                    key,
                    algorithms=[ALGORITHM],
                    audience=ISSUER,
                    issuer=ISSUER,
                    # The end is compared with the clock that is used everywhere here.
                    options={"require": list(_REQUIRED), "verify_exp": False},
                )
            except jwt.InvalidSignatureError:
                continue
            except (jwt.InvalidTokenError, ValueError) as error:
                raise CredentialError(BAD_TOKEN) from error
        raise CredentialError(BAD_TOKEN)


def find_keys(settings: AuthenticationSettings, directory: Path) -> list[str]:
    """Return the secrets that sign tokens: those of the settings, or those of a file that is made if needed.

    Raises:
        ParameterError: the file cannot be used.
    """
    given = [key.get_secret_value() for key in settings.secret_keys]
    if given:
        return given
    path = directory / SECRETS_FILE
    if not path.exists():
        create_secret(path, secrets.token_hex(32))
    keys = read_secret(path, "authentication.secret_keys").split()
    if not keys:
        raise ParameterError(f"{path} holds no secret; remove it, and a new one is made.", field="secret_keys")
    return keys
