"""Cursors of lists whose entries have numbered places, and the refusal of a cursor of any form that no list gives."""

from __future__ import annotations

import re
from typing import Final

from queue_server.protocol.errors import ParameterError

BEFORE_ALL: Final = 0
"""Where a list begins that has the oldest first."""
BEHIND_ALL: Final = (1 << 63) - 1
"""Where a list begins that has the newest first."""

# So many digits fit into the integers of every store.
_PLACE = re.compile(r"[0-9]{1,18}")


def read_place(cursor: str | None, first: int) -> int:
    """Return the place in a cursor; without one ``first``, where the list begins.

    Raises:
        ParameterError: no list gives such a cursor.
    """
    if cursor is None:
        return first
    if _PLACE.fullmatch(cursor) is None:
        raise foreign_cursor()
    return int(cursor)


def foreign_cursor() -> ParameterError:
    """Return the error for a cursor that no list gives."""
    return ParameterError("'cursor' must be the 'next_cursor' of the page before.", field="cursor")
