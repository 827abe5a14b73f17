"""Work that a handler leaves to another thread: the event loop must not wait for a list that takes long to find."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Aside:
    """The result of a method that is answered from memory, not yet found.

    ``find`` is called in a thread, while the state goes on: it may use only what never changes.
    """

    find: Callable[[], Any]
