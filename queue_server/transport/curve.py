"""Encryption of sockets, and who is admitted: the manager's own key, and the keys of its clients and workers.

libzmq asks over ZAP (RFC 27) for each client that wants to connect. Nothing here encrypts or compares secrets itself.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import zmq
from zmq.utils import z85

from queue_server.config import SECRET_KEY_VARIABLE, Settings
from queue_server.protocol.curve_keys import SHARED_PUBLIC_KEY, check_key, check_secret_file
from queue_server.protocol.errors import ParameterError
from queue_server.transport.stream import Frames, Stream

_log = logging.getLogger(__name__)

_ZAP_ADDRESS = "inproc://zeromq.zap.01"
_ZAP_VERSION = b"1.0"
_CLIENTS = b"cuelight"
_WORKERS = b"cuelight.workers"
_MOST_KEY_BYTES = 4096
_COMMENT = "#"

Context = zmq.Context["zmq.Socket[bytes]"]
Fingerprint = tuple[tuple[str, int, int, int], ...]


class AllowList:
    """The clients or workers that a file, or the files of a directory, admit; read again when something has changed.

    A line has a public key, of 40 characters, and the name of its owner. Empty lines, and lines that begin with # and
    a space, are passed over.
    """

    def __init__(self, path: Path, field: str = "curve_clients_file") -> None:
        """Read the list that the setting ``field`` names.

        Raises:
            ParameterError: it is missing, or a line has no key; the message names the line.
        """
        self._path = path
        self._field = field
        self._fingerprint: Fingerprint | None = None
        self._names: Mapping[bytes, str] = {}
        self._read()

    def find(self, public_key: bytes) -> str | None:
        """Return the name of the owner of this key, or None for a key that is not on the list now.

        While the list cannot be read nobody is on it.
        """
        try:
            self._read()
        except ParameterError as error:
            _log.error("Nobody new is admitted: %s", error)
            self._names, self._fingerprint = {}, None
        return self._names.get(public_key)

    def _read(self) -> None:
        try:
            files = sorted(self._path.iterdir()) if self._path.is_dir() else [self._path]
            files = [file for file in files if not file.name.startswith(".")]
            fingerprint = tuple((str(file), *_identity(file)) for file in files)
            if fingerprint != self._fingerprint:
                self._names = {key: name for file in files for key, name in _read_names(file).items()}
                self._fingerprint = fingerprint
        except (OSError, UnicodeDecodeError) as error:
            raise ParameterError(
                f"'{self._field}': the list {self._path} cannot be read: {error}.", field=self._field
            ) from error


@dataclass(frozen=True, slots=True)
class Admission:
    """Whose connections are accepted."""

    clients: AllowList | None
    stock_key: bool

    def find(self, public_key: bytes) -> str | None:
        """Return the name of a client that is admitted, or None."""
        if self.stock_key and public_key == SHARED_PUBLIC_KEY:
            return "anybody with the key of bluesky-queueserver"
        return None if self.clients is None else self.clients.find(public_key)


@dataclass(frozen=True, slots=True)
class Curve:
    """The key of the manager, and whom it admits; without ``workers`` the worker link is not encrypted."""

    secret_key: bytes = field(repr=False)
    admission: Admission
    workers: AllowList | None = None


def read_curve(settings: Settings, environ: Mapping[str, str] = os.environ) -> Curve | None:
    """Return what the settings say, or None without a key.

    Raises:
        ParameterError: the key or a list cannot be used, or nobody would be admitted.
    """
    workers_file = settings.curve_workers_file
    if settings.curve_secret_key_file is not None:
        secret_key = _read_secret_key(settings.curve_secret_key_file)
        is_stock = False
    elif environ.get(SECRET_KEY_VARIABLE):
        secret_key = check_key(environ[SECRET_KEY_VARIABLE], SECRET_KEY_VARIABLE)
        is_stock = True
    elif workers_file is not None:
        raise ParameterError(
            "'curve_workers_file': workers can only be told apart with a key of the manager: set "
            "'curve_secret_key_file'.",
            field="curve_secret_key_file",
        )
    else:
        return None
    clients = None if settings.curve_clients_file is None else AllowList(settings.curve_clients_file)
    stock_key = is_stock if settings.curve_accept_stock_key is None else settings.curve_accept_stock_key
    if clients is None and not stock_key:
        raise ParameterError(
            "Nobody could connect: list the keys of clients in 'curve_clients_file', or set 'curve_accept_stock_key'.",
            field="curve_clients_file",
        )
    workers = None if workers_file is None else AllowList(workers_file, "curve_workers_file")
    return Curve(secret_key, Admission(clients, stock_key), workers)


class Gate:
    """Encrypts sockets of one context, and answers whether a client or a worker is admitted."""

    def __init__(self, context: Context, curve: Curve) -> None:
        """Begin to answer; there is one gate for each context."""
        self._curve = curve
        self.refused = 0
        socket = context.socket(zmq.REP)
        socket.bind(_ZAP_ADDRESS)
        self._stream = Stream(socket, self._answer)

    def protect(self, socket: zmq.Socket[bytes]) -> None:
        """Encrypt a socket for clients that is not bound yet."""
        self._encrypt(socket, _CLIENTS)

    def protect_link(self, socket: zmq.Socket[bytes]) -> None:
        """Encrypt a socket for workers that is not bound yet; the key of a client opens it no more than any other."""
        self._encrypt(socket, _WORKERS)

    @property
    def admits_workers(self) -> bool:
        """Whether there is a list of workers, so that a link over TCP is to be encrypted."""
        return self._curve.workers is not None

    @property
    def public_key(self) -> bytes:
        """The key by which others know the manager."""
        return zmq.curve_public(self._curve.secret_key)

    def close(self) -> None:
        """Admit nobody any more."""
        self._stream.close(0)

    def _encrypt(self, socket: zmq.Socket[bytes], domain: bytes) -> None:
        socket.setsockopt(zmq.ZAP_DOMAIN, domain)
        socket.setsockopt(zmq.CURVE_SERVER, 1)
        socket.setsockopt(zmq.CURVE_SECRETKEY, self._curve.secret_key)

    def _answer(self, frames: Frames) -> None:
        request = frames[1] if len(frames) > 1 else b""
        name = self._judge(frames)
        if name is None:
            self.refused += 1
            self._stream.send([_ZAP_VERSION, request, b"400", b"This key is not admitted", b"", b""])
        else:
            self._stream.send([_ZAP_VERSION, request, b"200", b"OK", name.encode(), b""])

    def _judge(self, frames: Frames) -> str | None:
        if len(frames) != 7 or frames[0] != _ZAP_VERSION or frames[5] != b"CURVE":
            return None
        who = {_CLIENTS: "client", _WORKERS: "worker"}.get(frames[2])
        if who is None:
            return None
        public_key: bytes = z85.encode(frames[6])
        name = self._find(who, public_key)
        address = frames[3].decode(errors="replace")
        if name is None:
            _log.warning("A %s at %s is not admitted: its key %s is not on the list", who, address, public_key.decode())
        else:
            _log.debug("The %s %r at %s is admitted", who, name, address)
        return name

    def _find(self, who: str, public_key: bytes) -> str | None:
        if who == "client":
            return self._curve.admission.find(public_key)
        # Everybody has the secret key of the shared pair, so that no list can make a worker of its owner.
        workers = None if public_key == SHARED_PUBLIC_KEY else self._curve.workers
        return None if workers is None else workers.find(public_key)


Protect = Callable[["zmq.Socket[bytes]"], None]
"""Encrypts a socket before it is bound."""


def _identity(file: Path) -> tuple[int, int, int]:
    found = file.stat()
    return found.st_mtime_ns, found.st_size, found.st_ino


def _read_names(file: Path) -> dict[bytes, str]:
    names: dict[bytes, str] = {}
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        # A key may begin with #, and then is longer than that.
        key, _, name = line.strip().partition(" ")
        if key and key.strip(_COMMENT):
            names[check_key(key, f"{file}, line {number}")] = name.strip() or key
    return names


def _read_secret_key(path: Path) -> bytes:
    name = "curve_secret_key_file"
    try:
        with path.open("rb") as file:
            content, mode = file.read(_MOST_KEY_BYTES), os.fstat(file.fileno()).st_mode
    except OSError as error:
        raise ParameterError(f"'{name}': the key {path} cannot be read: {error}.", field=name) from error
    return check_secret_file(content, mode, str(path), name)
