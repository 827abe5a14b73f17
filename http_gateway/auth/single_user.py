"""Single-user mode: whoever has the one API key is the one user."""

from __future__ import annotations

import hmac
import secrets
from pathlib import Path

from http_gateway.auth.policies import BasicAPIAccessControl, DefaultResourceAccessControl
from http_gateway.auth.scopes import EVERYBODYS_SCOPES, PUBLIC_USER, SINGLE_USER
from http_gateway.auth.secret_files import create_secret, read_secret
from http_gateway.auth.standing import Standings
from http_gateway.errors import CredentialError
from http_gateway.identity import Credential, Identity
from queue_server.protocol.errors import ParameterError

KEY_FILE = "api-key"
_KEY_BYTES = 32


class SingleUser:
    """Knows one key, and whether callers without any credential are admitted."""

    def __init__(self, key: str, *, allow_anonymous: bool = False, standings: Standings | None = None) -> None:
        self._key = key.encode()
        standings = standings or Standings(BasicAPIAccessControl(), DefaultResourceAccessControl())
        user, public = standings.find_public(SINGLE_USER), standings.find_public(PUBLIC_USER)
        user_scopes = user.scopes | EVERYBODYS_SCOPES
        self._user = Identity(SINGLE_USER, user.group, user_scopes, user.roles, credential="single-user key")
        scopes = public.scopes if allow_anonymous else frozenset[str]()
        self._nobody = Identity(PUBLIC_USER, public.group, scopes, public.roles, is_anonymous=True)

    async def identify(self, credential: Credential) -> Identity:
        """Return the user for the key, and nobody for no credential.

        Raises:
            CredentialError: the key is another one, or it is a token, of which there are none in this mode.
        """
        if credential.kind == "none":
            return self._nobody
        if credential.kind == "api_key" and hmac.compare_digest(credential.secret.encode(errors="replace"), self._key):
            return self._user
        raise CredentialError("Invalid API key" if credential.kind == "api_key" else "Could not validate credentials")

    async def renew(self, identity: Identity) -> Identity:
        """Return the identity: neither it nor the key can change while the gateway runs."""
        return identity


def check_key(key: str) -> str:
    """Return ``key`` if it can be the single-user key: letters and digits of ASCII.

    Raises:
        ParameterError: it cannot.
    """
    if key.isascii() and key.isalnum():
        return key
    raise ParameterError("The single-user API key must consist of letters and digits.", field="api_key")


def read_key(path: Path) -> str:
    """Return the key in a file that only its owner can read.

    Raises:
        ParameterError: the file cannot be read, is open to others, or holds no key.
    """
    return check_key(read_secret(path, "api_key_file"))


def keep_key(directory: Path) -> tuple[str, bool]:
    """Return the key kept in ``directory``, and whether it was made just now: 64 hexadecimal digits.

    Raises:
        ParameterError: the file that holds it cannot be used.
    """
    path = directory / KEY_FILE
    if not path.exists():
        key = secrets.token_hex(_KEY_BYTES)
        if create_secret(path, key):
            return key, True
    return read_key(path), False
