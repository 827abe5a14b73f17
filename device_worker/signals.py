"""The signals that ask the process to end. They are received here, and acted on elsewhere."""

from __future__ import annotations

import os
import select
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

HANDLED = (signal.SIGTERM, signal.SIGINT)

# A byte in the pipe is the number of a signal; with this bit it comes from the handler in the main thread.
_BY_HANDLER = 0x80
_AT_ONCE = 256
# So long startup code may wait on after a signal until it is interrupted again.
_AGAIN_MS = 200


class LoadingInterrupted(KeyboardInterrupt):
    """The process was asked to end while the startup code was being loaded."""


class Signals:
    """Passes signals to a thread of its own, whatever the main thread is doing.

    A handler runs in the main thread, between two of its bytecodes. While that waits for a plan there are none: a
    signal that arrives just before the wait begins, or in another thread, would be noticed when the plan is over.
    Therefore the interpreter writes the number of each signal into a pipe, at once and in whichever thread it
    arrives. The handler only repeats it, for the time in which somebody else has taken that writing over, as event
    loops do.

    Until ``loading_ended`` a signal interrupts the main thread instead, since startup code may wait for ever for a
    device and nothing has been moved by a plan.
    """

    def __init__(self) -> None:
        self._process = os.getpid()
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)
        self._is_loading = True
        self._unrepeated: set[int] = set()
        self._uninterrupted: set[int] = set()

    def install(self, act: Callable[[str], None]) -> None:
        """Take over the signals; ``act`` is called with the name of each, in another thread."""
        for number in HANDLED:
            signal.signal(number, self._receive)
        # The worker has no terminal, but a plan must not end because somebody closed one.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        os.register_at_fork(before=_hold_back, after_in_parent=_let_through, after_in_child=_leave_pipe)
        self.listen()
        threading.Thread(target=self._serve, args=(act,), name="signals", daemon=True).start()

    def loading_ended(self) -> None:
        """Do not interrupt the main thread any more."""
        self.listen()
        self._is_loading = False

    def listen(self) -> None:
        """Have signals written into the pipe; call it where code may have run in the main thread that changed that."""
        signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() != self._process:
            # A child that startup code or a plan has forked inherits the handler, but not its meaning.
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        # What does not fit has many before it that nobody has acted on yet.
        with suppress(BlockingIOError):
            os.write(self._writer, bytes((number | _BY_HANDLER,)))
        if self._is_loading:
            raise LoadingInterrupted(f"{signal.Signals(number).name} while the startup code was being loaded")

    def _serve(self, act: Callable[[str], None]) -> None:
        waiting = select.poll()
        waiting.register(self._reader, select.POLLIN)
        while True:
            is_waiting_on = self._is_loading and self._uninterrupted
            if not waiting.poll(_AGAIN_MS if is_waiting_on else None):
                self._interrupt_again()
                continue
            for byte in os.read(self._reader, _AT_ONCE):
                if self._is_told(byte):
                    act(signal.Signals(byte & ~_BY_HANDLER).name)

    def _is_told(self, byte: int) -> bool:
        """Take a byte of the pipe; return whether it tells of a signal that is to be acted on here."""
        number, is_repetition, is_loading = byte & ~_BY_HANDLER, bool(byte & _BY_HANDLER), self._is_loading
        if number not in HANDLED:
            # Startup code may have handlers for others.
            return False
        if is_repetition and number in self._unrepeated:
            self._unrepeated.remove(number)
            return False
        if not is_repetition:
            (self._uninterrupted if is_loading else self._unrepeated).add(number)
        elif is_loading:
            self._uninterrupted.discard(number)
        return not is_loading

    def _interrupt_again(self) -> None:
        """Interrupt the main thread, which was just about to wait when a signal came and has not noticed it yet."""
        main = threading.main_thread().ident
        if main is not None and self._is_loading:
            for number in self._uninterrupted:
                signal.pthread_kill(main, number)


# A child has the same pipe until it leaves it: what arrives there before is held back, and not told as its parent's.


def _hold_back() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)


def _let_through() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)


def _leave_pipe() -> None:
    signal.set_wakeup_fd(-1)
    _let_through()
