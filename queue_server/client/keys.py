"""The CURVE keys of a client: whom it trusts, and who it is. Connects to nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import zmq

from queue_server.protocol.curve_keys import SHARED_PRIVATE_KEY, SHARED_PUBLIC_KEY, check_key
from queue_server.protocol.errors import ParameterError

SERVER_KEY_NAME = "CUELIGHT_SERVER_KEY"
STOCK_SERVER_KEY_NAME = "QSERVER_ZMQ_PUBLIC_KEY"
CLIENT_KEY_FILE_NAME = "CUELIGHT_CLIENT_KEY_FILE"


@dataclass(frozen=True, slots=True)
class CurveKeys:
    """The public key of the manager and the key pair of the client; each key has 40 characters of z85.

    A manager with another key than ``server`` looks like one that is not there. Without a pair of its own the client
    uses the one that all clients of bluesky-queueserver share, which a manager admits only if it is told to.

    ``notices`` says whether notices that come from another host are encrypted: a manager of bluesky-queueserver, and
    one with the setting ``plain_notices``, does not do that.
    """

    server: bytes
    public: bytes = SHARED_PUBLIC_KEY
    secret: bytes = field(default=SHARED_PRIVATE_KEY, repr=False)
    notices: bool = True

    @classmethod
    def from_secret(cls, server: str, secret: str) -> Self:
        """Return the keys for a client with a secret key of its own.

        Raises:
            ParameterError: a key has a wrong form.
        """
        secret_key = check_key(secret, "secret")
        return cls(check_key(server, "server"), zmq.curve_public(secret_key), secret_key)


def find_keys(server_key: str | CurveKeys | None, environ: Mapping[str, str] = os.environ) -> CurveKeys | None:
    """Return the keys to connect with, or None for a connection that is not encrypted.

    The key of the manager is the argument, ``CUELIGHT_SERVER_KEY`` or the stock name ``QSERVER_ZMQ_PUBLIC_KEY``, which
    leaves notices plain; the file of mode 0600 that ``CUELIGHT_CLIENT_KEY_FILE`` names has the client's secret key.

    Raises:
        ParameterError: a key has a wrong form, or the file cannot be read or is open to others; the message names it.
    """
    if isinstance(server_key, CurveKeys):
        return server_key
    names = (SERVER_KEY_NAME, STOCK_SERVER_KEY_NAME)
    for name, key in [("server_key", server_key), *((name, environ.get(name)) for name in names)]:
        if key:
            server = check_key(key, name)
            secret = _read_secret_key(environ)
            public = SHARED_PUBLIC_KEY if secret is None else zmq.curve_public(secret)
            return CurveKeys(server, public, secret or SHARED_PRIVATE_KEY, notices=name != STOCK_SERVER_KEY_NAME)
    return None


def _read_secret_key(environ: Mapping[str, str]) -> bytes | None:
    name = CLIENT_KEY_FILE_NAME
    if not environ.get(name):
        return None
    path = Path(environ[name]).expanduser()
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ParameterError(f"'{name}': the key {path} cannot be read: {error}.", field=name) from error
    if mode & 0o077:
        raise ParameterError(f"'{name}': others may read {path}; correct that with: chmod 600 {path}", field=name)
    return check_key(text, name)
