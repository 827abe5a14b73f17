"""Whose a frame is: the item that a device names, if it also shows the token of that item."""

from __future__ import annotations

from http_gateway.auth.secret_texts import matches
from http_gateway.dialects.scanhub.model import Scan, State


def find_owner(state: State, task_id: str | None, token: str | None) -> Scan | None:
    """Return the active or ended item of that uid; None without its token, or if that no longer counts."""
    if task_id is None or token is None:
        return None
    scan = state.find(task_id)
    if scan is None or scan.token_expired or scan.phase == "recording":
        return None
    return scan if matches(token, scan.order.token_digest) else None
