"""CURVE keys as text: 40 characters of z85, and the key pair that everybody knows. Encrypts nothing."""

from __future__ import annotations

import string

from queue_server.protocol.errors import ParameterError

KEY_LENGTH = 40

# The module bluesky_queueserver.manager.comms gives this pair to every client, so it identifies nobody: it lets a
# client encrypt, and a manager prove who it is.
SHARED_PUBLIC_KEY = b"wt8[6a8eoXFRVL<l2JBbOzs(hcI%kRBIr0Do/eLC"
SHARED_PRIVATE_KEY = b"=@e7WwVuz{*eGcnv{AL@x2hmX!z^)wP3vKsQ{S7s"

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
