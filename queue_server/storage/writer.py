"""The one thread in which a store works, and the way from the event loop there and back. It knows no database."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class _Outcome(Generic[T]):
    """What a piece of work came to: its value, or whatever it raised, for the coroutine that waits for it."""

    def __init__(self) -> None:
        self.value: T | None = None
        self.error: BaseException | None = None

    def __enter__(self) -> _Outcome[T]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self.error = error
        return True

    def deliver(self, future: asyncio.Future[Any]) -> None:
        if future.cancelled():
            return
        if isinstance(self.error, StopIteration):
            # A future refuses this one, and whoever waits would wait for ever.
            future.set_exception(RuntimeError("the work raised StopIteration"))
        elif self.error is not None:
            future.set_exception(self.error)
        else:
            future.set_result(self.value)


class Writer:
    """A thread that does one piece of work after the other, in the order in which they were handed over."""

    # A pool of one thread does the same, but its futures double the time of the way there and back.

    def __init__(self, name: str) -> None:
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        # A process that dies without closing the store must not wait for it; a transaction under way is undone.
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self._thread.start()

    async def run(self, work: Callable[[], T]) -> T:
        """Do ``work`` in the thread and return its result, or raise what it raised.

        If the caller is cancelled, the work is still done.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def perform() -> None:
            outcome: _Outcome[T] = _Outcome()
            with outcome:
                outcome.value = work()
            # A loop that was closed meanwhile has nobody left who waits.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(outcome.deliver, future)

        self._work.put(perform)
        return await future

    def post(self, work: Callable[[], None]) -> None:
        """Have ``work``, which must not raise, done after everything that waits."""
        self._work.put(work)

    def stop(self) -> None:
        """Do what waits, then end the thread; return when it has ended."""
        self._work.put(None)
        self._thread.join()

    def _serve(self) -> None:
        while (work := self._work.get()) is not None:
            work()
