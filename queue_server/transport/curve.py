"""Encryption of sockets, and who is admitted: the manager's own key, and the keys of its clients and workers.

libzmq asks over ZAP (RFC 27) for each client that wants to connect, and tells with each message by which key it came.
Nothing here encrypts or compares secrets itself.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import zmq
from msgspec import Struct
from zmq.utils import z85

from queue_server.config import SECRET_KEY_VARIABLE, Settings
from queue_server.logs import Complaints
from queue_server.protocol.curve_keys import SHARED_PUBLIC_KEY, check_key, check_secret_file
from queue_server.protocol.errors import ParameterError
from queue_server.protocol.peer import ANYBODY, Peer
from queue_server.transport.allow_list import AllowList
from queue_server.transport.connections import Connections
from queue_server.transport.file_watch import FileWatch
from queue_server.transport.stream import Frames, Stream

_log = logging.getLogger(__name__)

_ZAP_ADDRESS = "inproc://zeromq.zap.01"
_ZAP_VERSION = b"1.0"
_CLIENTS = b"cuelight"
_WORKERS = b"cuelight.workers"
_SUBSCRIBERS = b"cuelight.documents"
_PUBLISHERS = b"cuelight.documents.workers"
_WHO = {_CLIENTS: "client", _WORKERS: "worker", _SUBSCRIBERS: "client", _PUBLISHERS: "worker"}
_MOST_KEY_BYTES = 4096

Context = zmq.Context["zmq.Socket[bytes]"]


class Admission(Struct, frozen=True):
    """Whose connections are accepted."""

    clients: AllowList | None
    stock_key: bool

    def find(self, public_key: bytes) -> Peer | None:
        """Return a client that wants to connect, or None if it is not admitted."""
        if self.stock_key and public_key == SHARED_PUBLIC_KEY:
            return ANYBODY
        return None if self.clients is None else self.clients.find(public_key)

    def recall(self, public_key: bytes) -> Peer | None:
        """Return a client that is connected, or None if it is no longer admitted."""
        if self.stock_key and public_key == SHARED_PUBLIC_KEY:
            return ANYBODY
        return None if self.clients is None else self.clients.recall(public_key)


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


class Entrance:
    """The gate as one socket knows it: encrypts it, tells who speaks, and cuts connections of revoked keys."""

    def __init__(self, domain: bytes, secret_key: bytes, recall: Callable[[bytes], Peer | None]) -> None:
        self._domain = domain
        self._secret_key = secret_key
        self._recall = recall
        self._connections = Connections()

    def protect(self, socket: zmq.Socket[bytes]) -> None:
        """Encrypt a socket that is not bound yet."""
        socket.setsockopt(zmq.ZAP_DOMAIN, self._domain)
        socket.setsockopt(zmq.CURVE_SERVER, 1)
        socket.setsockopt(zmq.CURVE_SECRETKEY, self._secret_key)

    def identify(self, frame: zmq.Frame) -> Peer | None:
        """Return who has sent this frame; None for a key that is no longer admitted, whose connection is cut."""
        key = str(frame.get("User-Id")).encode()
        self._connections.note(int(frame.get(zmq.SRCFD)), key)
        peer = self._recall(key)
        if peer is None:
            self.cut_revoked()
        return peer

    def cut_revoked(self) -> int:
        """Cut the connections of all keys that are no longer admitted; return how many there were."""
        return self._connections.cut(lambda key: self._recall(key) is not None)


class SealedEntrance:
    """The gate as a socket knows it whose messages nobody here sees, so that it cannot tell whose connection is whose.

    When a key is revoked that was admitted here, all connections are cut; those of the other keys come back.
    """

    def __init__(self, domain: bytes, secret_key: bytes, recall: Callable[[bytes], Peer | None]) -> None:
        self.domain = domain
        self._secret_key = secret_key
        self._recall = recall
        self._keys: set[bytes] = set()
        self._connections = Connections()

    def protect(self, socket: zmq.Socket[bytes]) -> None:
        """Encrypt a socket that is not bound yet."""
        socket.setsockopt(zmq.ZAP_DOMAIN, self.domain)
        socket.setsockopt(zmq.CURVE_SERVER, 1)
        socket.setsockopt(zmq.CURVE_SECRETKEY, self._secret_key)

    def cut_by(self, connections: Connections) -> None:
        """Learn which connections the socket has."""
        self._connections = connections

    def note(self, key: bytes) -> None:
        """Remember a key that was admitted."""
        self._keys.add(key)

    def cut_revoked(self) -> int:
        """Cut all connections if a key that was admitted no longer is; return how many there were."""
        if all(self._recall(key) is not None for key in self._keys):
            return 0
        self._keys.clear()
        return self._connections.cut(lambda _: False)


class Gate:
    """Answers for the sockets of one context whether a client or a worker is admitted, and for how long."""

    def __init__(self, context: Context, curve: Curve) -> None:
        """Begin to answer; there is one gate for each context."""
        self._curve = curve
        self._complaints = Complaints(_log)
        self._entrances: list[Entrance | SealedEntrance] = []
        self._watches: list[FileWatch] = []
        self.refused = 0
        socket = context.socket(zmq.REP)
        socket.bind(_ZAP_ADDRESS)
        self._stream = Stream(socket, self._answer)
        self._begin_to_watch()

    def admit_clients(self) -> Entrance:
        """Return an entrance for clients, for one socket."""
        return self._open(_CLIENTS, self._recall_client)

    def admit_workers(self) -> Entrance:
        """Return an entrance for workers, for one socket; the key of a client opens it no more than any other."""
        return self._open(_WORKERS, self._recall_worker)

    def admit_subscribers(self) -> SealedEntrance:
        """Return an entrance for clients that only listen, for one socket."""
        return self._seal(_SUBSCRIBERS, self._recall_client)

    def admit_publishers(self) -> SealedEntrance:
        """Return an entrance for workers that only publish, for one socket."""
        return self._seal(_PUBLISHERS, self._recall_worker)

    @property
    def knows_workers(self) -> bool:
        """Whether there is a list of workers, so that a link over TCP is to be encrypted."""
        return self._curve.workers is not None

    @property
    def public_key(self) -> bytes:
        """The key by which others know the manager."""
        return zmq.curve_public(self._curve.secret_key)

    def close(self) -> None:
        """Admit nobody any more."""
        for watch in self._watches:
            watch.close()
        self._stream.close(0)

    def _open(self, domain: bytes, recall: Callable[[bytes], Peer | None]) -> Entrance:
        entrance = Entrance(domain, self._curve.secret_key, recall)
        self._entrances.append(entrance)
        return entrance

    def _seal(self, domain: bytes, recall: Callable[[bytes], Peer | None]) -> SealedEntrance:
        entrance = SealedEntrance(domain, self._curve.secret_key, recall)
        self._entrances.append(entrance)
        return entrance

    def _begin_to_watch(self) -> None:
        lists = [each for each in (self._curve.admission.clients, self._curve.workers) if each is not None]
        for allowed in lists:
            self._watches.append(FileWatch(allowed.path, lambda allowed=allowed: self._renew(allowed)))
            # What has changed between the reading of the list and the beginning of the watch.
            allowed.renew()

    def _renew(self, allowed: AllowList) -> None:
        allowed.renew()
        cut = sum(entrance.cut_revoked() for entrance in self._entrances)
        if cut:
            _log.warning("%d connection(s) were cut: their keys are no longer listed in %s", cut, allowed.path)

    def _recall_client(self, public_key: bytes) -> Peer | None:
        return self._curve.admission.recall(public_key)

    def _recall_worker(self, public_key: bytes) -> Peer | None:
        return None if self._curve.workers is None else self._curve.workers.recall(public_key)

    def _answer(self, frames: Frames) -> None:
        request = frames[1] if len(frames) > 1 else b""
        key = self._judge(frames)
        if key is None:
            self.refused += 1
            self._stream.send([_ZAP_VERSION, request, b"400", b"This key is not admitted", b"", b""])
        else:
            for entrance in self._entrances:
                if isinstance(entrance, SealedEntrance) and entrance.domain == frames[2]:
                    entrance.note(key)
            self._stream.send([_ZAP_VERSION, request, b"200", b"OK", key, b""])

    def _judge(self, frames: Frames) -> bytes | None:
        """Return the key that is admitted, by which its owner is known from now on; None to refuse it."""
        if len(frames) != 7 or frames[0] != _ZAP_VERSION or frames[5] != b"CURVE":
            return None
        who = _WHO.get(frames[2])
        if who is None:
            return None
        public_key: bytes = z85.encode(frames[6])
        peer = self._find(who, public_key)
        address, shown = frames[3].decode(errors="replace"), public_key.decode()
        if peer is None:
            self._complaints.tell("A %s at %s is not admitted: its key %s is not on the list", who, address, shown)
            return None
        _log.debug("The %s %r at %s is admitted", who, peer.name or shown, address)
        return public_key

    def _find(self, who: str, public_key: bytes) -> Peer | None:
        if who == "client":
            return self._curve.admission.find(public_key)
        # Everybody has the secret key of the shared pair, so that no list can make a worker of its owner.
        workers = None if public_key == SHARED_PUBLIC_KEY else self._curve.workers
        return None if workers is None else workers.find(public_key)


def _read_secret_key(path: Path) -> bytes:
    name = "curve_secret_key_file"
    try:
        with path.open("rb") as file:
            content, mode = file.read(_MOST_KEY_BYTES), os.fstat(file.fileno()).st_mode
    except OSError as error:
        raise ParameterError(f"'{name}': the key {path} cannot be read: {error}.", field=name) from error
    return check_secret_file(content, mode, str(path), name)
