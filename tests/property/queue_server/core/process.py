"""A worker process in small: what it does with orders, and what it reports, with everything that can get lost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from queue_server.core import effects
from queue_server.protocol import worker_link as link
from queue_server.protocol.items import DEFAULT_LANE, AttemptKey, Outcome, Run

RUN_UID = "run"

Portion = tuple[link.Report, ...]


class Process(Struct, frozen=True):
    """One worker process.

    ``stage`` says how far its attempt is: accepted, running, paused or ended; ``outbox`` holds what is not
    acknowledged, in the portions in which the manager gets it.
    """

    incarnation: str
    environment: str = "loading"
    is_alive: bool = True
    is_welcome: bool = False
    attempt: AttemptKey | None = None
    stage: str = ""
    outcome: Outcome = "completed"
    is_asked_to_pause: bool = False
    runs: tuple[Run, ...] = ()
    seen: frozenset[AttemptKey] = frozenset()
    outbox: tuple[Portion, ...] = ()

    def hello(self) -> link.Hello:
        """Return what the worker says first on a new connection."""
        loaded: Any = self.environment if self.environment in ("loading", "failed") else "open"
        return link.Hello(
            lane=DEFAULT_LANE,
            incarnation=self.incarnation,
            pid=1,
            environment=loaded,
            re_state=self.stage if self.stage in ("running", "paused") else "idle",
            attempt=self.attempt,
            runs=self.runs,
            next_report=1,
        )

    @property
    def remains(self) -> tuple[link.ItemFinished, ...]:
        """The finish records that the manager may not know."""
        return tuple(report for portion in self.outbox for report in portion if isinstance(report, link.ItemFinished))

    def _report(self, *reports: link.Report, **changes: object) -> Process:
        return replace(self, outbox=(*self.outbox, reports), **changes)

    # --- by itself ------------------------------------------------------------------------------------------------

    def advance(self) -> Iterator[Process]:
        """Yield every next state of a living process that it can reach without an order."""
        if self.environment == "loading":
            yield self._report(link.EnvironmentOpened(number=1), environment="open")
            yield self._report(link.EnvironmentFailed(number=1, message="no such file"), environment="failed")
        if self.environment in ("failed", "closing") and not self.outbox:
            yield replace(self, is_alive=False)
        if self.stage == "accepted":
            yield self._start()
            yield self._finish("failed")
        if self.stage == "running":
            yield from self._go_on()
        if self.stage == "ended":
            yield self._finish(self.outcome)

    def _start(self) -> Process:
        acknowledged = link.ItemAcknowledged(number=1, attempt=self._key)
        opened = link.RunOpened(number=1, attempt=self._key, run_uid=RUN_UID)
        return self._report(acknowledged, self._state("running"), opened, stage="running", runs=(Run(RUN_UID),))

    def _go_on(self) -> Iterator[Process]:
        if self.is_asked_to_pause:
            yield self._report(self._state("paused"), stage="paused", is_asked_to_pause=False)
        yield self._end("completed")

    def _end(self, outcome: Outcome) -> Process:
        closed = [link.RunClosed(number=1, attempt=self._key, run_uid=run.uid, exit_status="x") for run in self.runs]
        runs = tuple(run.closed("x") for run in self.runs)
        return self._report(
            *closed, self._state("idle"), stage="ended", outcome=outcome, runs=runs, is_asked_to_pause=False
        )

    def _finish(self, outcome: Outcome) -> Process:
        finished = link.ItemFinished(number=1, attempt=self._key, outcome=outcome, time_start=0, time_stop=1)
        return self._report(finished, attempt=None, stage="", runs=(), is_asked_to_pause=False)

    def _state(self, re_state: str) -> link.REStateChanged:
        return link.REStateChanged(number=1, attempt=self.attempt, re_state=re_state)

    @property
    def _key(self) -> AttemptKey:
        assert self.attempt is not None
        return self.attempt

    # --- by order -------------------------------------------------------------------------------------------------

    def receive(self, order: effects.OuterEffect) -> Process:
        """Return what an order of the manager makes of a process; what comes before the welcome is dropped."""
        if isinstance(order, effects.KillWorker):
            return replace(self, is_alive=False)
        message = order.message if isinstance(order, effects.Send) else None
        if isinstance(message, link.Welcome):
            return replace(self, is_welcome=True)
        if not self.is_welcome or not self.is_alive:
            return self
        return self._accept(order.key) if isinstance(order, effects.Dispatch) else self._obey(message)

    def _obey(self, message: link.ToWorker | None) -> Process:
        match message:
            case link.Pause() if message.attempt == self.attempt:
                return self._take_pause(message)
            case link.Continue() if message.attempt == self.attempt:
                return self._take_continue(message)
            case link.EmergencyStop():
                return self._stop()
            case link.Close() if self.attempt is None and self.environment == "open":
                return self._report(link.EnvironmentClosed(number=1), environment="closing")
            case _:
                return self

    def _accept(self, key: AttemptKey) -> Process:
        if key in self.seen or self.attempt is not None or self.environment != "open":
            return self
        return replace(self, attempt=key, stage="accepted", seen=self.seen | {key})

    def _stop(self) -> Process:
        """The plan is aborted; one that hangs does not end by itself."""
        if self.stage in ("accepted", "running", "paused"):
            return self._end("aborted")
        return self

    def _take_pause(self, order: link.Pause) -> Process:
        if self.stage in ("accepted", "running"):
            return replace(self, is_asked_to_pause=True)
        return self._refuse(order.attempt, "pause")

    def _take_continue(self, order: link.Continue) -> Process:
        if self.stage != "paused":
            return self._refuse(order.attempt, order.option)
        if order.option == "resume":
            return self._report(self._state("running"), stage="running")
        return self._end("aborted")

    def _refuse(self, attempt: AttemptKey, order: str) -> Process:
        refusal = (link.OrderRefused(number=1, attempt=attempt, order=order, message="not now"),)
        # A second refusal in a row tells nothing new.
        return self if self.outbox[-1:] == (refusal,) else self._report(*refusal)
