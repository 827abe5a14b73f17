"""What an emergency stop has to stop: the devices that can move, those that plans have set first. Stops nothing."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

# Deeper than any real tree of devices; a device that is among its own parts must not be followed for ever.
MOST_LEVELS = 16


@dataclass(frozen=True, slots=True, eq=False)
class Movable:
    """A device that moves, by the name under which the namespace reaches it; two are equal only if they are one."""

    name: str
    device: Any

    @property
    def has_stop(self) -> bool:
        """Whether it can be told to stop."""
        return callable(getattr(self.device, "stop", None))

    @property
    def is_async(self) -> bool:
        """Whether its ``stop()`` needs the event loop, as that of ophyd-async devices does."""
        methods = (getattr(self.device, name, None) for name in ("stop", "connect"))
        return any(inspect.iscoroutinefunction(method) for method in methods)


class Movables:
    """The movable devices of an environment; any thread may ask for them, and note that one was set."""

    def __init__(self) -> None:
        self._found: tuple[Movable, ...] = ()
        self._touched: dict[int, Movable] = {}

    def replace(self, found: Iterable[Movable]) -> None:
        """Note what there is now; a device that has two names keeps the first."""
        by_device: dict[int, Movable] = {}
        for movable in found:
            by_device.setdefault(id(movable.device), movable)
        self._found = tuple(by_device.values())

    def touch(self, device: Any) -> None:
        """Note that a plan is about to move a device."""
        if id(device) not in self._touched:
            name = str(getattr(device, "name", "") or type(device).__name__)
            self._touched[id(device)] = Movable(name, device)

    def list(self) -> tuple[Movable, ...]:
        """Return all, those first that were set since the environment opened."""
        touched, found = dict(self._touched), {id(movable.device): movable for movable in self._found}
        return tuple(({key: found.get(key, movable) for key, movable in touched.items()} | found).values())


def find_movables(name: str, device: Any, levels: int = MOST_LEVELS) -> Iterator[Movable]:
    """Yield a device if it moves, else those of its parts that move; nothing is connected or created by that.

    A device that moves and has a ``stop()`` answers for its parts. Signals inside of devices are no devices.
    """
    movable = Movable(name, device)
    if _is_movable(device):
        yield movable
        if movable.has_stop:
            return
    for part_name, part in _parts_of(device) if levels > 0 else ():
        if _has_parts(part) or callable(getattr(part, "stop", None)):
            yield from find_movables(f"{name}.{part_name}", part, levels - 1)


def _is_movable(device: Any) -> bool:
    return callable(getattr(device, "set", None)) or callable(getattr(device, "kickoff", None))


def _has_parts(device: Any) -> bool:
    return callable(getattr(device, "walk_subdevices", None)) or callable(getattr(device, "children", None))


def _parts_of(device: Any) -> Iterator[tuple[str, Any]]:
    if callable(getattr(device, "walk_subdevices", None)):
        # The parts of parts come with their dotted names.
        yield from ((name, part) for name, part in device.walk_subdevices() if "." not in name)
    elif callable(getattr(device, "children", None)):
        yield from ((str(name), part) for name, part in device.children())
