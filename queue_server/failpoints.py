"""Named instants at which a fault can be injected: before and after each commit, send and step of the start.

Off unless ``CUELIGHT_FAULT_TESTS=1`` is set, and then as ``CUELIGHT_FAILPOINTS`` says: ``name=action[@n]``,
separated by ``;``. Actions are ``kill`` (SIGKILL to this process), ``eio``, ``enospc`` (an OSError), ``delay:SECONDS``
and ``drop`` (the caller skips what follows). ``@n`` means the n-th time only; without it every time.
"""

from __future__ import annotations

import errno
import os
import signal
import threading
import time

from msgspec import Struct

_NAMES: set[str] = set()


class _Fault(Struct, frozen=True):
    action: str
    hit: int | None


class _Plan:
    """The faults asked for, and how often each point was passed."""

    def __init__(self, text: str) -> None:
        self._faults = dict(map(_read_fault, filter(None, text.split(";"))))
        self._passed: dict[str, int] = {}
        self._guard = threading.Lock()

    def take(self, name: str) -> str | None:
        fault = self._faults.get(name)
        if fault is None:
            return None
        with self._guard:
            self._passed[name] = self._passed.get(name, 0) + 1
            due = fault.hit is None or self._passed[name] == fault.hit
        return fault.action if due else None


def _read_fault(text: str) -> tuple[str, _Fault]:
    name, separator, rest = text.strip().partition("=")
    if not separator:
        raise ValueError(f"CUELIGHT_FAILPOINTS: {text!r} is not of the form name=action[@n]")
    action, _, hit = rest.partition("@")
    return name, _Fault(action, int(hit) if hit else None)


_plan: _Plan | None = (
    _Plan(os.environ.get("CUELIGHT_FAILPOINTS", "")) if os.environ.get("CUELIGHT_FAULT_TESTS") == "1" else None
)


def declare(*names: str) -> None:
    """Make the points of a module known, so that a test can pass through every one of them."""
    _NAMES.update(names)


def declared() -> tuple[str, ...]:
    """Return the names of all points of the modules imported so far, sorted."""
    return tuple(sorted(_NAMES))


def failpoint(name: str) -> bool:
    """Pass a named instant; return True where the caller must drop what it was about to do.

    Raises:
        OSError: a fault test asks for EIO or ENOSPC here.
    """
    if _plan is None:
        return False
    action = _plan.take(name)
    return False if action is None else _perform(action, name)


def _perform(action: str, name: str) -> bool:
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if action in ("eio", "enospc"):
        code = errno.EIO if action == "eio" else errno.ENOSPC
        raise OSError(code, f"injected at {name}")
    if action.startswith("delay:"):
        time.sleep(float(action.removeprefix("delay:")))
    return action == "drop"
