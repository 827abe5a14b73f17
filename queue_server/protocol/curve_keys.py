"""CURVE keys as text: 40 characters of z85, and the key pair that everybody knows. Encrypts and opens nothing."""

from __future__ import annotations

import string

from queue_server.protocol.errors import ParameterError

KEY_LENGTH = 40

# The module bluesky_queueserver.manager.comms gives this pair to every client, so it identifies nobody: it lets a
# client encrypt, and a manager prove who it is.
SHARED_PUBLIC_KEY = b"wt8[6a8eoXFRVL<l2JBbOzs(hcI%kRBIr0Do/eLC"
SHARED_PRIVATE_KEY = b"=@e7WwVuz{*eGcnv{AL@x2hmX!z^)wP3vKsQ{S7s"

_OTHERS_MAY_READ = 0o077
_OTHERS_MAY_WRITE = 0o022
_CHARACTERS = frozenset(string.ascii_letters + string.digits + ".-:+=^!/*?&<>()[]{}@%$#")


def check_key(key: str, field: str) -> bytes:
    """Return ``key`` as bytes if it has the form of a CURVE key.

    Raises:
        ParameterError: it has another form; the message names ``field`` and does not repeat the key.
    """
    if len(key) != KEY_LENGTH:
        raise ParameterError(f"'{field}' must be a key of {KEY_LENGTH} characters; this has {len(key)}.", field=field)
    if not _CHARACTERS.issuperset(key):
        raise ParameterError(f"'{field}' has characters that no key has: keys are written in z85.", field=field)
    return key.encode()


def check_secret_file(content: bytes, mode: int, path: str, field: str) -> bytes:
    """Return the secret key in a file of that content and mode, which its owner alone may use.

    Raises:
        ParameterError: others may read it, or it holds no key; the message names ``field``.
    """
    if mode & _OTHERS_MAY_READ:
        raise ParameterError(f"'{field}': others may read {path}; correct that with: chmod 600 {path}", field=field)
    return check_key(content.decode(errors="replace").strip(), field)


def check_public_file(content: bytes, mode: int, path: str, field: str) -> bytes:
    """Return the public key in a file of that content and mode, which its owner alone may change.

    Raises:
        ParameterError: others may write it, or it holds no key; the message names ``field``.
    """
    if mode & _OTHERS_MAY_WRITE:
        raise ParameterError(f"'{field}': others may write {path}; correct that with: chmod 600 {path}", field=field)
    return check_key(content.decode(errors="replace").strip(), field)
