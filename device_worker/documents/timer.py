"""A timer that a thread waits for, and that others set anew without waking it.

A thread that waits for a lock, or for data with a time limit, has to run to learn of a later deadline, and meanwhile
competes with whoever has set it. The kernel puts this one off where it sleeps.
"""

from __future__ import annotations

import ctypes
import os
import select

_CLOCK_MONOTONIC = 1
_NS_PER_S = 1_000_000_000
# What the kernel counts: how often the time was up.
_COUNT_BYTES = 8

# Setting a timer takes less than to let another thread run meanwhile, which is what a CDLL does.
_libc = ctypes.PyDLL(None, use_errno=True)
# The period and the time that is left, each in seconds and nanoseconds: the struct itimerspec.
_Spec = ctypes.c_long * 4


class Timer:
    """Is set from any thread, one at a time, and waited for by one; nothing is due until it is set."""

    def __init__(self) -> None:
        """Make the timer.

        Raises:
            OSError: the process has too many files open.
        """
        self._descriptor = _check(_libc.timerfd_create(_CLOCK_MONOTONIC, os.O_CLOEXEC))
        self._spec = _Spec()
        self._spec_at = ctypes.byref(self._spec)

    def set(self, after_s: float) -> None:
        """Be due in ``after_s`` seconds, at once if that is not more than 0, and no longer at the time set before."""
        left_ns = max(int(after_s * _NS_PER_S), 1)
        self._spec[2], self._spec[3] = divmod(left_ns, _NS_PER_S)
        _check(_libc.timerfd_settime(self._descriptor, 0, self._spec_at, None))

    def wait(self, other: int | None = None) -> None:
        """Wait until it is due, which it is once for each time that it was set, or until ``other`` can be read."""
        if other is None or self._is_before(other):
            os.read(self._descriptor, _COUNT_BYTES)

    def _is_before(self, other: int) -> bool:
        both = select.poll()
        both.register(self._descriptor, select.POLLIN)
        both.register(other, select.POLLIN)
        return any(descriptor == self._descriptor for descriptor, _ in both.poll())

    def close(self) -> None:
        """Let go of it, when nobody waits for it any more; a second time does nothing."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


def _check(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
