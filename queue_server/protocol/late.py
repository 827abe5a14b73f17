"""A map of which a part is loaded later, so that a process can begin to serve without it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

T = TypeVar("T")


class LateMap(Mapping[str, T]):
    """What is there at once, and everything as soon as somebody asks for more; any thread may ask.

    Args:
        first: what is there at once.
        load: returns everything; called once, or again by whoever asks meanwhile.
    """

    def __init__(self, first: Mapping[str, T], load: Callable[[], Mapping[str, T]]) -> None:
        self._known = first
        self._load = load
        self.is_complete = False

    def has_at_once(self, name: str) -> bool:
        """Return whether it can be told without loading what there is under this name."""
        return self.is_complete or name in self._known

    def complete(self) -> Mapping[str, T]:
        """Load what is missing, if anything is, and return everything."""
        if not self.is_complete:
            self._known = self._load()
            self.is_complete = True
        return self._known

    def __getitem__(self, name: str) -> T:
        known = self._known
        return known[name] if name in known else self.complete()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.complete())

    def __len__(self) -> int:
        return len(self.complete())
