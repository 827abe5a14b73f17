"""Work that a handler does not do in one turn: what takes long is found in parts, with turns of others between."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from queue_server.handlers.context import TurnContext


@dataclass(frozen=True, slots=True)
class Further:
    """The result of a method that only reads, not yet complete; ``find`` is called in a later turn.

    It returns the result, or again what is to be done in a turn after that.
    """

    find: Callable[[TurnContext], Any]
