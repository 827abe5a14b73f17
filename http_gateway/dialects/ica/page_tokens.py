"""Tokens that lead to the next page: nobody else can make them, and each is good for one batch and one filter only."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Sequence
from typing import Final

from http_gateway.dialects.ica.errors import ContentError

_SIGNATURE_BYTES: Final = 16


class PageTokens:
    """Makes and reads tokens; the first secret signs, all of them verify."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._keys = [hashlib.sha256(f"page tokens of batches/{secret}".encode()).digest() for secret in secrets]

    def write(self, cursor: str, batch: str, statuses: Iterable[str]) -> str:
        """Return a token, of letters, digits, ``-`` and ``_``."""
        return _write(self._keys[0], cursor, batch, statuses)

    def read(self, token: str, batch: str, statuses: Iterable[str]) -> str:
        """Return the cursor in a token.

        Raises:
            ContentError: it was not made here, or for another batch or filter.
        """
        wanted = frozenset(statuses)
        try:
            cursor = base64.b64decode(f"{token}{'=' * (-len(token) % 4)}", altchars=b"-_")[_SIGNATURE_BYTES:].decode()
        except ValueError:
            raise _refuse() from None
        # Several texts can be decoded to the same bytes; one of them is the token.
        if not any(
            hmac.compare_digest(token.encode(), _write(key, cursor, batch, wanted).encode()) for key in self._keys
        ):
            raise _refuse()
        return cursor


def _write(key: bytes, cursor: str, batch: str, statuses: Iterable[str]) -> str:
    message = "\n".join((batch, ",".join(sorted(statuses)), cursor))
    signature = hmac.digest(key, message.encode(), "sha256")[:_SIGNATURE_BYTES]
    return base64.urlsafe_b64encode(signature + cursor.encode()).decode().rstrip("=")


def _refuse() -> ContentError:
    text = "is none that was given for this batch and this filter"
    return ContentError(f"pageToken {text}. Begin again without one.", {"pageToken": text})
