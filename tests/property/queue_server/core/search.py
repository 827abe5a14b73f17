"""Breadth-first search over states that look alike, and what can be reached from where."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Generic, TypeVar

from msgspec import Struct, field

S = TypeVar("S")


class Way(Struct, Generic[S], frozen=True):
    """A step: how it is called, where it leads, what is wrong with it, and whether it needs no person and no mishap."""

    name: object
    target: S
    faults: list[str] = field(default_factory=list)
    is_natural: bool = False


class Reached(Struct, Generic[S]):
    """Every state that looks different from the others, the ways between them by index, and every fault once."""

    states: list[S]
    ways: list[tuple[int, int, bool]]
    faults: dict[str, str]

    def stranded(self, is_goal: Callable[[S], bool], *, natural: bool = False) -> list[S]:
        """Return the states from which no goal can be reached, with ``natural`` along natural ways only."""
        sources: dict[int, list[int]] = {}
        for source, target, is_natural in self.ways:
            if is_natural or not natural:
                sources.setdefault(target, []).append(source)
        good = {index for index, state in enumerate(self.states) if is_goal(state)}
        waiting = list(good)
        while waiting:
            new = set(sources.get(waiting.pop(), ())) - good
            good |= new
            waiting += new
        return [state for index, state in enumerate(self.states) if index not in good]


def explore(
    start: S,
    look: Callable[[S], Hashable],
    ways: Callable[[S], Iterator[Way[S]]],
    judge: Callable[[S], Iterable[str]],
) -> Reached[S]:
    """Return what can be reached from ``start``: each state that ``look`` tells from the others, judged once."""
    reached = Reached([start], [], {})
    known, waiting = {look(start): 0}, deque([0])
    while waiting:
        source = waiting.popleft()
        for way in ways(reached.states[source]):
            for fault in way.faults:
                reached.faults.setdefault(fault, f"{way.name}, from {reached.states[source]}")
            view = look(way.target)
            target = known.get(view)
            if target is None:
                target = known[view] = len(reached.states)
                reached.states.append(way.target)
                waiting.append(target)
                for fault in judge(way.target):
                    reached.faults.setdefault(fault, f"{way.name}, from {reached.states[source]}")
            reached.ways.append((source, target, way.is_natural))
    return reached
