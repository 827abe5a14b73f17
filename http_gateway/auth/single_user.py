"""Single-user mode: whoever has the one API key is the one user."""

from __future__ import annotations

import hmac
import os
import secrets
import stat
from pathlib import Path

from http_gateway.auth.scopes import PUBLIC_USER, ROLES, SINGLE_USER
from http_gateway.errors import CredentialError
from http_gateway.identity import Credential, Identity
from queue_server.protocol.errors import ParameterError

KEY_FILE = "api-key"
_KEY_BYTES = 32
_GROUP = "primary"


class SingleUser:
    """Knows one key, and whether callers without any credential are admitted."""

    def __init__(self, key: str, *, allow_anonymous: bool = False) -> None:
        self._key = key.encode()
        role = SINGLE_USER.lower()
        self._user = Identity(SINGLE_USER, _GROUP, ROLES[role], frozenset({role}), credential="single-user key")
        public = PUBLIC_USER.lower()
        scopes = ROLES[public] if allow_anonymous else frozenset[str]()
        self._nobody = Identity(PUBLIC_USER, _GROUP, scopes, frozenset({public}), is_anonymous=True)

    async def identify(self, credential: Credential) -> Identity:
        """Return the user for the key, and nobody for no credential.

        Raises:
            CredentialError: the key is another one, or it is a token, of which there are none in this mode.
        """
        if credential.kind == "none":
            return self._nobody
        if credential.kind == "api_key" and hmac.compare_digest(credential.secret.encode(), self._key):
            return self._user
        raise CredentialError("Invalid API key" if credential.kind == "api_key" else "Could not validate credentials")


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
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ParameterError(f"The API key in {path} cannot be read: {error}", field="api_key_file") from error
    if stat.S_IMODE(mode) & 0o077:
        raise ParameterError(f"{path} is open to others; do: chmod 600 {path}", field="api_key_file")
    return check_key(text)


def keep_key(directory: Path) -> tuple[str, bool]:
    """Return the key kept in ``directory``, and whether it was made just now: 64 hexadecimal digits.

    Raises:
        ParameterError: the file that holds it cannot be used.
    """
    path = directory / KEY_FILE
    if path.exists():
        return read_key(path), False
    key = secrets.token_hex(_KEY_BYTES)
    temporary = path.with_name(f".{KEY_FILE}.{os.getpid()}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as stream:
        stream.write(f"{key}\n")
        stream.flush()
        os.fsync(handle)
    try:
        # Of two gateways that start at once one makes the key.
        os.link(temporary, path)
    except FileExistsError:
        return read_key(path), False
    finally:
        temporary.unlink()
    return key, True
