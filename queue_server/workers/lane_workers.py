"""The workers of one lane as its launcher has them: at most one runs, and of the last ones it is known how they ended.

It starts, watches and kills processes, and speaks with nobody.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from queue_server.protocol.launcher_link import MOST_ENDS, EndWorker, OpenWorker, ToLauncher
from queue_server.workers.host import LocalHost

_log = logging.getLogger(__name__)

# What a worker has to end in order when the service is stopped.
END_PATIENCE_S = 10.0

Program = Callable[[Sequence[str]], Sequence[str]]


def worker_program(options: Sequence[str]) -> Sequence[str]:
    """Return the command line of a worker."""
    return [sys.executable, "-m", "device_worker", *options]


class LaneWorkers:
    """Carries out the orders of a manager; ``changed`` is told the incarnation of which something else is known."""

    def __init__(self, lane: str, changed: Callable[[str], None], program: Program = worker_program) -> None:
        self._lane = lane
        self._changed = changed
        self._program = program
        self._host = LocalHost(self._launch, self._see_end, self._see_start)
        self._options: dict[str, Sequence[str]] = {}
        self._running: dict[str, int | None] = {}
        self._ends: OrderedDict[str, str] = OrderedDict()
        self._all_ended = asyncio.Event()

    @property
    def running(self) -> Mapping[str, int | None]:
        """The process id of the worker that runs, by incarnation; None while it is being started."""
        return self._running

    @property
    def ends(self) -> Mapping[str, str]:
        """How the last workers have ended, by incarnation."""
        return self._ends

    def obey(self, order: ToLauncher) -> str | None:
        """Carry out an order; what is ordered again is done once.

        Returns:
            How the worker stands if there is nothing to watch: it could not be started, or nobody knows it; None
            otherwise.
        """
        incarnation = order.incarnation
        # Perhaps an earlier launcher has started it.
        is_known = self._knows(incarnation) or self._host.adopt(self._lane, incarnation)
        if isinstance(order, OpenWorker) and not is_known:
            if self._running:
                cause = f"its launcher still has another worker ({next(iter(self._running))}): end that first"
                return f"it could not be started: {cause}"
            self._start(order)
        elif not is_known:
            return "it was gone already"
        if isinstance(order, EndWorker) and incarnation in self._running:
            self._host.kill(self._lane, incarnation)
        return None

    async def end_all(self) -> None:
        """Ask the worker to end in order, and kill it if it does not."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            self._all_ended.clear()
            for incarnation, pid in list(self._running.items()):
                if pid is None:
                    # It has not begun anything that it could end in order.
                    self._host.kill(self._lane, incarnation)
                else:
                    with suppress(ProcessLookupError):
                        os.killpg(pid, number)
            if self._running:
                with suppress(TimeoutError):
                    async with asyncio.timeout(END_PATIENCE_S):
                        await self._all_ended.wait()

    async def close(self) -> None:
        """Stop watching; a worker that still runs lives on."""
        await self._host.close()

    def _start(self, order: OpenWorker) -> None:
        self._options[order.incarnation] = order.options
        self._running[order.incarnation] = None
        self._host.start(self._lane, order.incarnation)

    def _knows(self, incarnation: str) -> bool:
        return incarnation in self._running or incarnation in self._ends

    def _launch(self, lane: str, incarnation: str) -> subprocess.Popen[bytes]:
        """Start the process; called in a thread."""
        return subprocess.Popen(
            self._program(self._options.pop(incarnation)), stdin=subprocess.DEVNULL, start_new_session=True
        )

    def _see_start(self, lane: str, incarnation: str, pid: int) -> None:
        _log.info("The worker of lane %s runs (process %d)", lane, pid)
        self._running[incarnation] = pid
        self._changed(incarnation)

    def _see_end(self, lane: str, incarnation: str, cause: str) -> None:
        _log.info("The worker of lane %s has ended: %s", lane, cause)
        self._running.pop(incarnation, None)
        self._ends[incarnation] = cause
        while len(self._ends) > MOST_ENDS:
            self._ends.popitem(last=False)
        self._changed(incarnation)
        if not self._running:
            self._all_ended.set()
