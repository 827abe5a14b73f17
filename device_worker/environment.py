"""The open environment: profile, descriptions and RunEngine, put together and announced. Owns no thread or socket."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from device_worker.activity import Activity
from device_worker.catalog import cut_pages
from device_worker.commands import Commands, Reporter
from device_worker.executor import Executor
from device_worker.permissions import read_permissions
from device_worker.profile import (
    DescribeOptions,
    Descriptions,
    StartupSource,
    describe_profile,
    load_profile,
    mark_worker_process,
    resolve_plan,
)
from device_worker.run_engine.build import prepare_run_engine, watch_state
from device_worker.run_engine.control import LoopWatch, Pauser
from queue_server.client.outbox import UNNUMBERED
from queue_server.clock import Clock
from queue_server.protocol.worker_link import EnvironmentOpened, Execute, REStateChanged

_log = logging.getLogger(__name__)


class StartupOptions(Protocol):
    """What decides which environment is opened."""

    @property
    def startup(self) -> str:
        """The startup code: ``sim``, a directory, a file or a module."""
        ...

    @property
    def permissions(self) -> Path | None:
        """The file with the permissions of user groups; None for the one beside the startup code."""
        ...

    @property
    def device_max_depth(self) -> int:
        """Levels of devices that are described; 0 means all."""
        ...

    @property
    def ignore_invalid_plans(self) -> bool:
        """Whether plans that cannot be described are left out, instead of failing."""
        ...


@dataclass(frozen=True, slots=True)
class EnvironmentParts:
    """What an environment uses of the process."""

    activity: Activity
    commands: Commands
    reporter: Reporter
    clock: Clock


class Environment:
    """An environment that is ready for items."""

    def __init__(
        self,
        parts: EnvironmentParts,
        descriptions: Descriptions,
        permissions: dict[str, Any] | None,
        executor: Executor,
        loop_watch: LoopWatch,
    ) -> None:
        self._parts = parts
        self._descriptions = descriptions
        self._permissions = permissions
        self._executor = executor
        self._loop_watch = loop_watch

    def announce(self) -> None:
        """Report the catalogs, then that the environment is open."""
        report = self._parts.reporter.report
        for page in cut_pages("plans", self._descriptions.plans):
            report(page)
        for page in cut_pages("devices", self._descriptions.devices):
            report(page)
        _log.info("RE Environment is ready")
        self._parts.activity.open()
        report(EnvironmentOpened(number=UNNUMBERED, permissions=self._permissions))

    def execute(self, order: Execute) -> None:
        """Execute an item, and report how it ended."""
        self._executor.execute(order, self._parts.activity, self._parts.commands)

    def loop_age_s(self) -> float:
        """Return for how many seconds the event loop of the RunEngine has not answered."""
        return self._loop_watch.age_s()


def open_environment(options: StartupOptions, parts: EnvironmentParts) -> Environment:
    """Load the startup code and make its RunEngine ready.

    Raises:
        ProfileError: the startup code or the permissions cannot be used.
    """
    mark_worker_process()
    source = StartupSource.parse(options.startup)
    permissions = read_permissions(options.permissions, source.directory)
    profile = load_profile(source)
    descriptions = describe_profile(profile, DescribeOptions(options.device_max_depth, options.ignore_invalid_plans))
    engine = prepare_run_engine(profile)
    watch_state(engine, partial(_notice_state, parts))
    pauser = Pauser(engine, parts.activity, parts.commands)
    pauser.start()
    resolve = partial(resolve_plan, profile=profile, descriptions=descriptions)
    executor = Executor(engine, resolve, pauser, parts.reporter, parts.clock)
    return Environment(parts, descriptions, permissions, executor, LoopWatch(engine.loop))


def _notice_state(parts: EnvironmentParts, state: str) -> None:
    parts.activity.enter(state)
    if state == "paused":
        parts.commands.accept_continue()
    report = REStateChanged(number=UNNUMBERED, attempt=parts.activity.attempt, re_state=state)
    parts.reporter.report(report)
