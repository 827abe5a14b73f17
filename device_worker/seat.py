"""The seat of the RunEngine: what uses it and watches it, so that a script can put another one in its place."""

from __future__ import annotations

import asyncio
import logging
import threading
import weakref
from typing import Literal

from bluesky import RunEngine

from device_worker.executor import Executor, ItemExecutor, Resolve
from device_worker.metadata import show_metadata
from device_worker.parts import EnvironmentParts
from device_worker.profile import Profile, ProfileError
from device_worker.run_engine.build import prepare_run_engine, watch_state
from device_worker.run_engine.claimed_messages import make_claim_check
from device_worker.run_engine.control import LoopWatch, Pauser, abort, halt
from device_worker.run_engine.guarded_plan import make_guard
from device_worker.run_engine.products import ProductCollector
from queue_server.client.outbox import UNNUMBERED
from queue_server.protocol.worker_link import Execute, REStateChanged

_log = logging.getLogger(__name__)


class Seat:
    """The RunEngine of the environment, ready for items."""

    def __init__(self, profile: Profile, resolve: Resolve, parts: EnvironmentParts) -> None:
        """Make the profile's RunEngine ready, or a new one.

        Raises:
            ProfileError: the profile's ``RE`` is something else.
        """
        self._profile = profile
        self._parts = parts
        self._busy = threading.Lock()
        self._watched: weakref.WeakSet[RunEngine] = weakref.WeakSet()
        self._engine = prepare_run_engine(profile)
        self._watch(self._engine)
        self._loop_watch = LoopWatch(self._engine.loop)
        self._pauser = Pauser(self._engine, parts.activity, parts.commands)
        self._executor: ItemExecutor = Executor(
            self._engine, resolve, self._pauser, ProductCollector(parts.outputs), parts.reporter, parts.clock
        )
        self._executor.record_with(parts.documents)
        self._pauser.start()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop of the RunEngine."""
        return self._engine.loop

    def execute(self, order: Execute) -> None:
        """Execute an item, and report how it ended."""
        with self._busy, self._parts.claimed.limited_to(order.claims):
            self._executor.execute(order, self._parts.activity, self._parts.commands)

    def loop_age_s(self) -> float:
        """Return for how many seconds the event loop of the RunEngine has not answered."""
        return self._loop_watch.age_s()

    def end_plan(self, option: Literal["abort", "halt"], reason: str) -> None:
        """End a plan that is not paused; this waits until the event loop has taken it."""
        if option == "abort":
            abort(self._engine, reason)
        else:
            halt(self._engine)

    def show_metadata(self) -> None:
        """Send the metadata of the RunEngine."""
        show_metadata(self._engine, self._parts.reporter)

    def keep_engine(self) -> None:
        """Put the RunEngine back under its name in the namespace."""
        self._profile.namespace["RE"] = self._engine

    def replace_engine(self) -> None:
        """Take what the namespace now calls ``RE`` for the RunEngine; where it calls nothing so, nothing changes.

        Raises:
            ProfileError: ``RE`` is something else, or a plan runs; the earlier RunEngine stays.
        """
        found = self._profile.namespace.get("RE")
        if found is None or found is self._engine:
            self.keep_engine()
            return
        if not self._busy.acquire(blocking=False):
            self.keep_engine()
            raise ProfileError("'RE' cannot be replaced while a plan runs: the RunEngine stays")
        try:
            self._install()
        except ProfileError:
            self.keep_engine()
            raise
        finally:
            self._busy.release()

    def _install(self) -> None:
        engine = self._profile.namespace["RE"]
        if engine not in self._watched:
            engine = prepare_run_engine(self._profile)
        self._engine = engine
        self._watch(engine)
        self._loop_watch = LoopWatch(engine.loop)
        self._pauser.use(engine)
        self._executor.use(engine)
        _log.info("The RunEngine is another one now")
        if str(engine.state) != self._parts.activity.standing.re_state:
            self._notice_state(str(engine.state))

    def _watch(self, engine: RunEngine) -> None:
        if engine in self._watched:
            return
        self._watched.add(engine)
        self._parts.documents.attach(engine)
        # The last preprocessor is the outermost: no plan gets past it.
        engine.preprocessors.append(make_claim_check(self._parts.claimed))
        engine.preprocessors.append(make_guard(self._parts.activity, self._parts.movables))
        reference = weakref.ref(engine)
        # A RunEngine that was replaced may still be used by code of the profile, but is no longer the worker's.
        watch_state(engine, lambda state: self._notice_state(state) if reference() is self._engine else None)

    def _notice_state(self, state: str) -> None:
        parts = self._parts
        parts.activity.enter(state)
        attempt = parts.activity.attempt
        if state == "paused" and attempt is not None:
            parts.commands.accept_continue()
        parts.reporter.report(REStateChanged(number=UNNUMBERED, attempt=attempt, re_state=state))
