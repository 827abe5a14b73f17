"""Answers that a handler does not have yet: the event loop must not wait for them, nor for a list that takes long."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from msgspec import Struct


class Aside(Struct, frozen=True):
    """The result of a method that is answered from memory, not yet found.

    ``find`` is called in a thread, while the state goes on: it may use only what never changes.
    """

    find: Callable[[], Any]


class Expected(Struct, frozen=True):
    """The result of a method that somebody else has been asked for; ``wait`` returns it, or raises the refusal."""

    wait: Callable[[], Awaitable[Any]]
