"""What the directory of an attempt is called, in which its files are. It makes none."""

from __future__ import annotations

import hashlib
import re

from queue_server.protocol.items import AttemptKey

_PLAIN_UID = re.compile(r"[A-Za-z0-9_-]{1,128}")


def name_directory(attempt: AttemptKey) -> str:
    """Return a name with the uid of the item and the number of the attempt, which leads to no other directory."""
    uid = attempt.item_uid
    # Whoever has written the uid must not choose the directory.
    name = uid if _PLAIN_UID.fullmatch(uid) else hashlib.sha256(uid.encode()).hexdigest()
    return f"{name}.{attempt.number}"
