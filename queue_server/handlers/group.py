"""The form of handlers, and the check that every declared method has exactly one of its kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from msgspec import Struct

from queue_server.core.events import ContinueRequested, EstopRequested, PauseRequested
from queue_server.handlers.context import MemoryContext, TurnContext
from queue_server.protocol.method import Kind, Method

MemoryHandler = Callable[[MemoryContext, Any], Any]
TurnHandler = Callable[[TurnContext, Any], Any]


class ManyOrders(Protocol):
    """Orders that are given together, one for each lane, and answered later."""

    @property
    def events(self) -> tuple[EstopRequested, ...]:
        """The orders."""
        ...


MotionHandler = Callable[[MemoryContext, Any], PauseRequested | ContinueRequested | ManyOrders]
Handler = Callable[..., Any]


class Group(Struct, frozen=True):
    """The handlers of one group of methods, by name; each kind of method has handlers of its own form."""

    memory: dict[str, MemoryHandler]
    turn: dict[str, TurnHandler]
    motion: dict[str, MotionHandler]

    @property
    def parts(self) -> tuple[Mapping[str, Handler], Mapping[str, Handler], Mapping[str, Handler]]:
        """Those for memory, turns and motion."""
        return self.memory, self.turn, self.motion


def group(
    *,
    memory: dict[str, MemoryHandler] | None = None,
    turn: dict[str, TurnHandler] | None = None,
    motion: dict[str, MotionHandler] | None = None,
) -> Group:
    """Return a group of handlers."""
    return Group(memory or {}, turn or {}, motion or {})


_TURN_KINDS: frozenset[Kind] = frozenset(("read", "mutation"))


def named(*groups: Group) -> dict[str, Handler]:
    """Return the handlers of some groups by method."""
    return {name: handler for each in groups for part in each.parts for name, handler in part.items()}


def join(methods: Mapping[str, Method], *groups: Group) -> dict[str, Handler]:
    """Return all handlers by method.

    Raises:
        ValueError: a method has no handler, a handler has no method, or their kinds differ.
    """
    for each in groups:
        for kinds, part in zip((("memory",), _TURN_KINDS, ("motion",)), each.parts, strict=True):
            wrong = [name for name in part if name not in methods or methods[name].kind not in kinds]
            if wrong:
                raise ValueError(f"no method of that name and kind is declared: {wrong}")
    handlers = named(*groups)
    missing = sorted(set(methods) - set(handlers))
    if missing:
        raise ValueError(f"declared, but not handled: {missing}")
    return handlers
