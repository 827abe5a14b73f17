"""What was done to the data while no manager ran: the next one writes it into the event log, and tells all clients.

It changes nothing of what was stored, except that it forgets the note.
"""

from __future__ import annotations

import logging
from typing import Any

import orjson
from msgspec.structs import asdict, replace

from queue_server.core.model import Revisions
from queue_server.engine.turn import Turn
from queue_server.storage.base import OFFLINE_CHANGE

_log = logging.getLogger(__name__)

AHEAD = 1_000_000
"""By how much the number of every part goes ahead: more than it can have grown since the oldest backup in use.

What clients have cached under the uid of a number that comes again would otherwise be shown as what is stored.
"""


def take_note(turn: Turn) -> bool:
    """Record a change that was made offline and give every part a new uid; return whether there was one."""
    saved = turn.tx.load(OFFLINE_CHANGE)
    if not saved:
        return False
    told: dict[str, Any] = orjson.loads(saved)
    kind = str(told.pop("kind"))
    revisions = Revisions(**{name: number + AHEAD for name, number in asdict(turn.state.revisions).items()})
    turn.state = replace(turn.state, revisions=revisions)
    turn.record(kind, data=told)
    turn.tx.save(OFFLINE_CHANGE, b"")
    _log.warning("The data were changed while no manager ran (%s): %s", kind, told)
    return True
