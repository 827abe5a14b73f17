"""Which devices of the namespace the running item may use. Knows no plan and stops none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

# Deeper than any real tree of devices; a device that is its own parent must not be followed for ever.
MOST_LEVELS = 16


class ClaimedDevices:
    """Answers for each object that a plan uses whether its item has claimed the device that it is, or belongs to."""

    def __init__(self) -> None:
        # The devices are kept with their names, so that no other object gets the id of one that is gone.
        self._known: dict[int, tuple[Any, frozenset[str]]] = {}
        self._claims: frozenset[str] | None = None

    def note(self, devices: Mapping[str, Any]) -> None:
        """Note the devices of the namespace by their names; one may have several."""
        known: dict[int, tuple[Any, frozenset[str]]] = {}
        for name, device in devices.items():
            _, names = known.get(id(device), (device, frozenset[str]()))
            known[id(device)] = device, names | {name}
        self._known = known

    @contextmanager
    def limited_to(self, claims: Sequence[str] | None) -> Iterator[None]:
        """Let only these devices be used inside the block; None allows all."""
        self._claims = None if claims is None else frozenset(claims)
        try:
            yield
        finally:
            self._claims = None

    @property
    def is_limited(self) -> bool:
        """Whether there is anything that may not be used."""
        return self._claims is not None

    def find_objection(self, used: Any) -> str:
        """Return why an object may not be used; empty if it may, and if it is no device of the namespace."""
        claims = self._claims
        if used is None or claims is None:
            return ""
        names: frozenset[str] = frozenset()
        for _ in range(MOST_LEVELS):
            known = self._known.get(id(used))
            if known is not None:
                if not claims.isdisjoint(known[1]):
                    return ""
                names |= known[1]
            used = getattr(used, "parent", None)
            if used is None:
                break
        return _explain(names, claims) if names else ""


def _explain(names: frozenset[str], claims: frozenset[str]) -> str:
    device, listed = min(names), ", ".join(sorted(claims)) or "nothing"
    return (
        f"The plan uses the device {device!r}, which its item has not claimed (it claims: {listed}). Name {device!r} "
        "in the 'claims' of the plan's annotation or of the item; without any, it claims the whole lane."
    )
