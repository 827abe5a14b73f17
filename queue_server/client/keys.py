"""The CURVE keys of a client: whom it trusts, and who it is. Connects to nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import zmq

from queue_server.protocol.curve_keys import (
    SHARED_PRIVATE_KEY,
    SHARED_PUBLIC_KEY,
    check_key,
    check_public_file,
    check_secret_file,
)
from queue_server.protocol.errors import ParameterError

SERVER_KEY_NAME = "CUELIGHT_SERVER_KEY"
STOCK_SERVER_KEY_NAME = "QSERVER_ZMQ_PUBLIC_KEY"
CLIENT_KEY_FILE_NAME = "CUELIGHT_CLIENT_KEY_FILE"

# No file of a key is longer; /dev/zero would be.
_MOST_BYTES = 4096


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


def read_pair(
    secret_file: Path, manager_file: Path, names: tuple[str, str] = ("--secret-key-file", "--manager-key-file")
) -> CurveKeys:
    """Return the keys of a worker: its secret key, and the public key of its manager.

    Raises:
        ParameterError: a file cannot be read, holds no key, or is open to others; the message has its one of ``names``.
    """
    secret = check_secret_file(*_read(secret_file, names[0]))
    server = check_public_file(*_read(manager_file, names[1]))
    return CurveKeys(server, zmq.curve_public(secret), secret)


def _read_secret_key(environ: Mapping[str, str]) -> bytes | None:
    path = environ.get(CLIENT_KEY_FILE_NAME)
    return check_secret_file(*_read(Path(path).expanduser(), CLIENT_KEY_FILE_NAME)) if path else None


def _read(path: Path, name: str) -> tuple[bytes, int, str, str]:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES), os.fstat(file.fileno()).st_mode, str(path), name
    except OSError as error:
        raise ParameterError(f"'{name}': the key {path} cannot be read: {error}.", field=name) from error
