"""Scan tokens: the right of one device to report on one item, for as long as that may be needed. It stores nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from http_gateway.auth.secret_texts import digest_of, draw_bytes, make_secret, matches

DEFAULT_UNKNOWN_S: Final = 24 * 3600.0
"""How long the token of an unknown item counts, in seconds."""


@dataclass(frozen=True, slots=True)
class ScanToken:
    """The token of one item, as it is kept: by its digest.

    ``expires`` is in seconds since 1970-01-01 UTC; None while the item is active. Neither the login of the user nor
    the connection of the device matters.
    """

    digest: bytes = field(repr=False)
    device_id: str
    item_uid: str
    expires: float | None = None

    def admits(self, token: str, device_id: str, item_uid: str, now: float) -> bool:
        """Return whether the token is this one, still counts, and is for that device and item."""
        is_bound = self.device_id == device_id and self.item_uid == item_uid
        return matches(token, self.digest) and is_bound and (self.expires is None or now < self.expires)

    def admits_item(self, token: str, now: float) -> bool:
        """Return whether the token is this one and still counts, where the request does not name its device."""
        return self.admits(token, self.device_id, self.item_uid, now)

    def end(self, now: float, grace_s: float) -> ScanToken:
        """Return it with its end: the item is done or has failed."""
        return replace(self, expires=now + grace_s)

    def become_unknown(self, now: float, unknown_s: float = DEFAULT_UNKNOWN_S) -> ScanToken:
        """Return it with its end: nobody knows how the item ended, and the device may still tell."""
        return replace(self, expires=now + unknown_s)


def issue_scan_token(device_id: str, item_uid: str, draw: Callable[[int], bytes] = draw_bytes) -> tuple[str, ScanToken]:
    """Return a new token for the start frame of an item, and what is kept of it."""
    token = make_secret(draw)
    return token, ScanToken(digest_of(token), device_id, item_uid)
