"""Who a client over HTTP is: an API key, or the tokens of a login. Kept in memory only, and shown nowhere."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from queue_server.client.http_errors import HTTPRequestError
from queue_server.protocol.errors import ParameterError

KEY_NAMES = ("CUELIGHT_API_KEY", "QSERVER_HTTP_SERVER_API_KEY")
KEY_FILE_NAMES = ("CUELIGHT_API_KEY_FILE", "QSERVER_HTTP_SERVER_API_KEYFILE")

# No key is longer; /dev/zero would be.
_MOST_BYTES = 4096


class Wallet:
    """The credential of one client. A login replaces a key, and a key replaces a login."""

    def __init__(self, api_key: str | None = None) -> None:
        self._api_key = api_key
        self._access: str | None = None
        self._refresh: str | None = None

    @property
    def access_token(self) -> str | None:
        """The token that requests carry now."""
        return self._access

    @property
    def refresh_token(self) -> str | None:
        """The token for which new ones are given."""
        return self._refresh

    def headers(self) -> dict[str, str]:
        """Return the headers that show the credential; none without one."""
        if self._access is not None:
            return {"Authorization": f"Bearer {self._access}"}
        if self._api_key is not None:
            return {"Authorization": f"ApiKey {self._api_key}"}
        return {}

    def keep_key(self, api_key: str) -> None:
        """Use a key from now on."""
        self._api_key, self._access, self._refresh = check_api_key(api_key, "api_key"), None, None

    def keep_tokens(self, access: str | None, refresh: str | None) -> None:
        """Use tokens from now on; without an access token, the first request fetches one."""
        self._api_key, self._access, self._refresh = None, access or "", refresh

    def keep_answer(self, answer: Mapping[str, Any]) -> None:
        """Use the tokens of an answer to a login or a refresh.

        Raises:
            HTTPRequestError: it holds none.
        """
        access, refresh = answer.get("access_token"), answer.get("refresh_token")
        if not isinstance(access, str) or not isinstance(refresh, str):
            raise HTTPRequestError("The answer to the login holds no tokens.")
        self.keep_tokens(access, refresh)

    def empty(self) -> None:
        """Forget everything."""
        self._api_key = self._access = self._refresh = None


def find_api_key(given: str | Path | None, environ: Mapping[str, str] = os.environ) -> str | None:
    """Return the API key to use, or None for none.

    The first source that has one wins: the argument (a ``Path`` is a file of mode 0600 with the key),
    ``CUELIGHT_API_KEY``, ``QSERVER_HTTP_SERVER_API_KEY``, the file that ``CUELIGHT_API_KEY_FILE`` or
    ``QSERVER_HTTP_SERVER_API_KEYFILE`` names.

    Raises:
        ParameterError: the key has a wrong form, or its file cannot be read or is open to others.
    """
    if isinstance(given, Path):
        return _read_key(given, "api_key")
    if given is not None:
        return check_api_key(given, "api_key")
    for name in KEY_NAMES:
        if environ.get(name):
            return check_api_key(environ[name].strip(), name)
    for name in KEY_FILE_NAMES:
        if environ.get(name):
            return _read_key(Path(environ[name]), name)
    return None


def check_api_key(key: object, source: str) -> str:
    """Return the key if it can stand in a header.

    Raises:
        ParameterError: it cannot; the message names the source, never the key.
    """
    if isinstance(key, str) and key and key.isascii() and key.isprintable() and " " not in key:
        return key
    raise ParameterError(f"'{source}' is no API key: it must be printable ASCII without blanks.", field=source)


def _read_key(path: Path, source: str) -> str:
    place = path.expanduser()
    try:
        with place.open("rb") as file:
            mode, data = os.fstat(file.fileno()).st_mode, file.read(_MOST_BYTES)
    except OSError as error:
        raise ParameterError(f"'{source}': the key {place} cannot be read: {error}.", field=source) from error
    if mode & 0o077:
        raise ParameterError(f"'{source}': others may read {place}; correct that with: chmod 600 {place}", field=source)
    return check_api_key(data.decode("ascii", "replace").strip(), source)
