"""The signals that ask the process to end. They are received here, and acted on elsewhere."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from queue import SimpleQueue
from types import FrameType

HANDLED = (signal.SIGTERM, signal.SIGINT)


class LoadingInterrupted(KeyboardInterrupt):
    """The process was asked to end while the startup code was being loaded."""


class Signals:
    """Passes signals to a thread of its own: a handler may interrupt any line of the main thread, even a print.

    Until ``loading_ended`` a signal interrupts the main thread instead, since startup code may wait for ever for a
    device and nothing has been moved by a plan.
    """

    def __init__(self) -> None:
        self._process = os.getpid()
        self._received: SimpleQueue[str] = SimpleQueue()
        self._is_loading = True

    def install(self, act: Callable[[str], None]) -> None:
        """Take over the signals; ``act`` is called with the name of each, in another thread."""
        for number in HANDLED:
            signal.signal(number, self._receive)
        # The worker has no terminal, but a plan must not end because somebody closed one.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        threading.Thread(target=self._serve, args=(act,), name="signals", daemon=True).start()

    def loading_ended(self) -> None:
        """Do not interrupt the main thread any more."""
        self._is_loading = False

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() != self._process:
            # A child that startup code or a plan has forked inherits the handler, but not its meaning.
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        elif self._is_loading:
            raise LoadingInterrupted(f"{signal.Signals(number).name} while the startup code was being loaded")
        else:
            self._received.put(signal.Signals(number).name)

    def _serve(self, act: Callable[[str], None]) -> None:
        while True:
            act(self._received.get())
