"""What the Python methods of both forms of ``RunControl`` are built on. Sends nothing itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from msgspec import Struct

R = TypeVar("R")
"""What a method returns: the reply, or what is awaited for it."""


class MethodRoute(Struct, frozen=True):
    """Where a method is found below ``/v1``; the reply of a ``bare`` one has neither ``success`` nor ``msg``.

    What ``changes`` something carries an idempotency key, so that it can be repeated.
    """

    verb: str
    path: str
    bare: bool = False
    changes: bool = False


class Caller(ABC, Generic[R]):
    """Whoever sends a request for a method of the manager."""

    @abstractmethod
    def _request(self, name: str, params: Mapping[str, Any]) -> R:
        """Send a request and return its reply."""

    def _call(self, name: str, /, **params: Any) -> R:
        """Send a request with the parameters that are not None."""
        return self._request(name, {given: value for given, value in params.items() if value is not None})
