"""Which metadata of the RunEngine clients may read. Knows no RunEngine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Self, cast

from msgspec import Struct

_ROOT = "/"


class MetadataKeys(Struct, frozen=True):
    """Paths such as ``/proposal/title``; one stands for the value at its end and all below it, ``/`` for everything."""

    paths: frozenset[str]

    @classmethod
    def parse(cls, paths: Iterable[str]) -> Self:
        """Return the keys that paths name; a slash at the end of a path has no meaning."""
        return cls(frozenset(path if path == _ROOT else path.rstrip("/") for path in paths))

    def select(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what may be read; maps of which nothing may be read are left out."""
        return values if _ROOT in self.paths else self._select(values, "")

    def _select(self, values: Mapping[str, Any], above: str) -> dict[str, Any]:
        selected: dict[str, Any] = {}
        for name, value in values.items():
            path = f"{above}/{name}"
            if path in self.paths:
                selected[name] = value
            elif isinstance(value, Mapping):
                below = self._select(cast("Mapping[str, Any]", value), path)
                if below:
                    selected[name] = below
        return selected


EVERYTHING = MetadataKeys.parse([_ROOT])
