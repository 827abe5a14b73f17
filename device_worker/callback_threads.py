"""Lets the threads in which ophyd runs callbacks rest: by itself each looks ten times per second for its end."""

from __future__ import annotations

import sys
import threading
from contextlib import suppress
from typing import Any

REST_S = 60.0
"""How long such a thread waits for a callback until it looks whether it has to end; a callback wakes it at once."""

_PATIENCE_S = 1.0


def let_rest(pause_s: float = REST_S) -> None:
    """Have the threads look for their end each ``pause_s`` seconds from now on."""
    for _, thread in _threads():
        thread.timeout = pause_s


def wake() -> None:
    """Have them look for their end now and as often as before, since whoever ends them waits for each."""
    threads = _threads()
    # Some of them have a queue in common; where each waits for the others, none takes what another was to have.
    meeting = threading.Barrier(len(threads) or 1)
    for dispatcher, thread in threads:
        thread.timeout = dispatcher.timeout
        thread.queue.put((_meet, (meeting,), {}))


def _meet(meeting: threading.Barrier) -> None:
    # One of them may be busy with a callback.
    with suppress(threading.BrokenBarrierError):
        meeting.wait(_PATIENCE_S)


def _threads() -> list[tuple[Any, Any]]:
    # Startup code need not import ophyd; then there is no such thread.
    layer = getattr(sys.modules.get("ophyd"), "cl", None)
    dispatcher = None if layer is None else layer.get_dispatcher()
    # The control layer without EPICS has no threads.
    return [(dispatcher, thread) for thread in getattr(dispatcher, "threads", {}).values()]
