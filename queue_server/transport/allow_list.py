"""Lists of public keys: who is admitted, under which name and with which scopes. Knows no socket."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

from queue_server.protocol.curve_keys import check_key
from queue_server.protocol.errors import ParameterError
from queue_server.protocol.method import Scope
from queue_server.protocol.peer import Peer

_log = logging.getLogger(__name__)

_COMMENT = "#"
_DELEGATE = "delegate"
_LONGEST_NAME = 128
_SCOPES: tuple[str, ...] = get_args(Scope)

Fingerprint = tuple[tuple[str, int, int, int], ...]


class AllowList:
    """The clients or workers that a file, or the files of a directory, admit.

    A line has a public key, of 40 characters, the name of its owner, and in brackets, if it is not to have all of
    them, its scopes: ``KEY anna [read:* write:queue:edit]``. With ``delegate`` among them it may name the person for
    whom it asks. Empty lines, and lines that begin with # and a space, are passed over.
    """

    def __init__(self, path: Path, field: str = "curve_clients_file") -> None:
        """Read the list that the setting ``field`` names.

        Raises:
            ParameterError: it is missing, or a line has no key; the message names the line.
        """
        self.path = path
        self._field = field
        self._fingerprint: Fingerprint | None = None
        self._peers: Mapping[bytes, Peer] = {}
        self._read()
        self._standing = dict(self._peers)

    def find(self, public_key: bytes) -> Peer | None:
        """Return the owner of this key, or None for a key that is not on the list now, which is read if it has changed.

        While the list cannot be read nobody is on it.
        """
        try:
            self._read()
        except ParameterError as error:
            _log.error("Nobody new is admitted: %s", error)
            self._peers, self._fingerprint = {}, None
        peer = self._peers.get(public_key)
        if peer is not None:
            self._standing[public_key] = peer
        return peer

    def recall(self, public_key: bytes) -> Peer | None:
        """Return the owner of this key as of the last ``renew``, or None; reads nothing."""
        return self._standing.get(public_key)

    def renew(self) -> None:
        """Read the list again for those who are connected; while it cannot be read, they stay."""
        try:
            self._read()
        except ParameterError as error:
            _log.error("Open connections stay as they are: %s", error)
            self._fingerprint = None
        else:
            self._standing = dict(self._peers)

    def _read(self) -> None:
        try:
            files = sorted(self.path.iterdir()) if self.path.is_dir() else [self.path]
            files = [file for file in files if not file.name.startswith(".")]
            fingerprint = tuple((str(file), *_identity(file)) for file in files)
            if fingerprint != self._fingerprint:
                self._peers = {key: peer for file in files for key, peer in _read_peers(file, self._field).items()}
                self._fingerprint = fingerprint
        except (OSError, UnicodeDecodeError) as error:
            raise ParameterError(
                f"'{self._field}': the list {self.path} cannot be read: {error}.", field=self._field
            ) from error


def _identity(file: Path) -> tuple[int, int, int]:
    found = file.stat()
    return found.st_mtime_ns, found.st_size, found.st_ino


def _read_peers(file: Path, field: str) -> dict[bytes, Peer]:
    peers: dict[bytes, Peer] = {}
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        # A key may begin with #, and then is longer than that.
        key, _, owner = line.strip().partition(" ")
        if key and key.strip(_COMMENT):
            where = f"{file}, line {number}"
            peers[check_key(key, where)] = _read_owner(owner, key, where, field)
    return peers


def _read_owner(text: str, key: str, where: str, field: str) -> Peer:
    name, bracket, rest = (part.strip() for part in text.partition("["))
    if len(name) > _LONGEST_NAME:
        raise ParameterError(f"{where}: the name has {len(name)} characters; at most {_LONGEST_NAME}.", field=field)
    if not bracket:
        return Peer(name or key)
    if not rest.endswith("]"):
        raise ParameterError(f"{where}: the scopes must end with ].", field=field)
    words = rest[:-1].split()
    scopes = frozenset(scope for word in words if word != _DELEGATE for scope in _find_scopes(word, where, field))
    delegates_only = words == [_DELEGATE]
    return Peer(name or key, None if delegates_only else scopes, may_delegate=_DELEGATE in words)


def _find_scopes(word: str, where: str, field: str) -> list[str]:
    stem = word.removesuffix("*")
    found = [scope for scope in _SCOPES if scope == word or (stem != word and scope.startswith(stem))]
    if not found:
        known = ", ".join(sorted(_SCOPES))
        raise ParameterError(f"{where}: {word!r} is no scope. Scopes: {known}.", field=field)
    return found
