"""Work that a handler does not do in one turn: what takes long is found in parts, with turns of others between."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from queue_server.handlers.context import TurnContext


class Further(Struct, frozen=True):
    """The result of a method that has only read so far, not yet complete; ``find`` is called in a later turn.

    It returns the result, or again what is to be done in a turn after that. A method that changes something does so in
    its last turn alone, on what it finds there. ``aside`` waits for the disk: it is called before that turn, in a
    thread, and what it raises is the answer.
    """

    find: Callable[[TurnContext], Any]
    aside: Callable[[], None] | None = None
