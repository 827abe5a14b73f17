"""Random secrets in text form: made, digested and compared in constant time. Neither a secret nor its part is kept."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from typing import Final

SECRET_BYTES: Final = 32
"""256 random bits: too many to guess, so that a fast digest protects them as well as a slow one."""


def draw_bytes(count: int) -> bytes:
    """Return random bytes from the operating system."""
    return secrets.token_bytes(count)


def make_secret(draw: Callable[[int], bytes] = draw_bytes) -> str:
    """Return a new secret, 64 hexadecimal digits."""
    return draw(SECRET_BYTES).hex()


def digest_of(secret: str) -> bytes:
    """Return the SHA-256 of the text of a secret: 32 bytes."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).digest()


def matches(secret: str, digest: bytes) -> bool:
    """Return whether a secret has that digest, in a time that tells nothing of either."""
    return hmac.compare_digest(digest_of(secret), digest)
