"""Issues scan tokens, and tells whose one is; in every process of the gateway, and after its restart."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from http_gateway.auth.secret_texts import digest_of, draw_bytes, make_secret
from http_gateway.dialects.scanhub.notebook import Entry, Notebook
from http_gateway.dialects.scanhub.scan_tokens import ScanToken
from queue_server.clock import Clock

_SEPARATOR = "."


class ScanTokens:
    """The scan tokens of all devices. What counts is the notebook; a token names its device, so that it is found there.

    ``clock`` tells what has expired.
    """

    def __init__(self, notebook: Notebook, clock: Clock, draw: Callable[[int], bytes] = draw_bytes) -> None:
        self._notebook = notebook
        self._clock = clock
        self._draw = draw

    def issue(self, device_id: str, item_uid: str) -> tuple[str, ScanToken]:
        """Return a new token for the start frame of an item, and what is kept of it."""
        token = f"{uuid.UUID(device_id).hex}{_SEPARATOR}{make_secret(self._draw)}"
        return token, ScanToken(digest_of(token), device_id, item_uid)

    def verify(self, token: str) -> tuple[str, str] | None:
        """Return the device and the item of a token that counts now; None for any other text.

        It reads a small file.

        Raises:
            OSError: the disk failed.
        """
        named, separator, _ = token.partition(_SEPARATOR)
        try:
            device_id = str(uuid.UUID(hex=named)) if separator and len(named) == 32 else None
        except ValueError:
            device_id = None
        page = None if device_id is None else self._notebook.read(device_id)
        if page is None or device_id is None:
            return None
        return next((found for entry in page.entries if (found := self._admit(entry, token, device_id))), None)

    def _admit(self, entry: Entry, token: str, device_id: str) -> tuple[str, str] | None:
        kept = ScanToken(entry.scan.order.token_digest, device_id, entry.scan.item_uid, entry.expires)
        return (device_id, kept.item_uid) if kept.admits_item(token, self._clock.wall()) else None
