"""The open environment: profile, descriptions, RunEngine and tasks, put together and announced. Owns no socket."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

from device_worker.catalog import cut_pages
from device_worker.device_calls import DeviceCalls
from device_worker.device_reading import read_device
from device_worker.list_file import ListFile, ListUpdates
from device_worker.movables import Movable, find_movables
from device_worker.parts import EnvironmentParts
from device_worker.profile import (
    DescribeOptions,
    Profile,
    ProfileError,
    ResolvedPlan,
    StartupSource,
    describe_profile,
    execute_script,
    find_function,
    load_profile,
    mark_worker_process,
    resolve_plan,
)
from device_worker.profile.boundary import profile_code
from device_worker.profile.discover import find_devices
from device_worker.profile.errors import ItemResolutionError
from device_worker.profile.names import AllowedNames, NameResolver
from device_worker.seat import Seat
from device_worker.stop_calls import StopCalls
from device_worker.tasks import Tasks
from queue_server.client.outbox import UNNUMBERED
from queue_server.protocol.worker_link import EnvironmentOpened, EnvironmentUpdated, Execute, RunTask

_log = logging.getLogger(__name__)


class StartupOptions(Protocol):
    """What decides which environment is opened."""

    @property
    def startup(self) -> str:
        """The startup code: ``sim``, a directory, a file or a module."""
        ...

    @property
    def list_file(self) -> Path | None:
        """The file that lists plans and devices; None if none is to be written."""
        ...

    @property
    def update_list_file(self) -> ListUpdates:
        """When it is written."""
        ...

    @property
    def device_max_depth(self) -> int:
        """Levels of devices that are described; 0 means all."""
        ...

    @property
    def ignore_invalid_plans(self) -> bool:
        """Whether plans that cannot be described are left out, instead of failing."""
        ...


class Environment:
    """An environment that is ready for items and tasks."""

    def __init__(
        self,
        parts: EnvironmentParts,
        profile: Profile,
        options: DescribeOptions,
        list_file: ListFile | None = None,
    ) -> None:
        """Describe a profile and make its RunEngine ready.

        Raises:
            ProfileError: a plan or device cannot be described, or ``RE`` is no RunEngine.
        """
        self._parts = parts
        self._profile = profile
        self._options = options
        self._list_file = list_file
        self._updating = threading.Lock()
        self._descriptions = describe_profile(profile, options)
        self._note_devices()
        self._seat = Seat(profile, self._resolve, parts)
        self._device_calls = DeviceCalls(self, parts.activity, parts.movables)
        self._tasks = Tasks(self, parts)
        self._tasks.start()

    def announce(self) -> None:
        """Write the list file, report the catalogs, then that the environment is open."""
        if self._list_file is not None:
            self._list_file.note_opened(self._descriptions.plans, self._descriptions.devices)
        self._report_lists()
        _log.info("RE Environment is ready")
        self._parts.activity.open()
        self.show_metadata()
        self._parts.reporter.report(EnvironmentOpened(number=UNNUMBERED))

    def execute(self, order: Execute) -> None:
        """Execute an item, and report how it ended."""
        self._seat.execute(order)

    def run_task(self, order: RunTask) -> None:
        """Run a task in this thread, and report how it ended."""
        self._tasks.run(order)

    def close(self) -> None:
        """Let go of what was opened: of a RunEngine nothing is left when its process has ended."""
        self._parts.device_values.close()
        self._parts.documents.close()

    def loop_age_s(self) -> float:
        """Return for how many seconds the event loop of the RunEngine has not answered."""
        return self._seat.loop_age_s()

    def begin_stops(self, movables: Sequence[Movable]) -> StopCalls:
        """Begin to stop devices; the report is asked for afterwards."""
        calls = StopCalls(movables, self._seat.loop)
        calls.start()
        return calls

    def end_plan(self, option: Literal["abort", "halt"], reason: str) -> None:
        """End a plan that is not paused."""
        self._seat.end_plan(option, reason)

    def _note_devices(self) -> None:
        found: list[Movable] = []
        devices = find_devices(self._profile.namespace)
        self._parts.claimed.note({name: device.device for name, device in devices.items()})
        for name, device in devices.items():
            try:
                with profile_code(f"{name!r} cannot be looked through"):
                    found += find_movables(name, device.device)
            except ProfileError as error:
                _log.warning("An emergency stop will not reach all parts of a device: %s", error)
        self._parts.movables.replace(found)

    def read_device(self, name: str, timeout_s: float) -> dict[str, dict[str, Any]] | str:
        """Return what a device tells, by signal; or why it was not read. Nothing that it does is raised."""
        try:
            with profile_code(f"{name!r} was not read"):
                return read_device(self.find_device(name), self.loop, timeout_s)
        except ProfileError as error:
            return str(error)

    def find_device(self, name: str) -> Any:
        """Return a device, or one of its components.

        Raises:
            ProfileError: there is none of this name, or it cannot be reached.
        """
        allowed = AllowedNames(self._descriptions.plans, self._descriptions.devices)
        resolver = NameResolver(self._profile.namespace, allowed)
        if not resolver.has_device(name):
            raise ProfileError(f"There is no device {name!r} in this environment")
        try:
            return resolver.find_object(name)
        except ItemResolutionError as error:
            raise ProfileError(str(error)) from error

    def _resolve(self, content: Mapping[str, Any]) -> ResolvedPlan:
        return resolve_plan(content, self._profile, self._descriptions)

    def _report_lists(self) -> None:
        report = self._parts.reporter.report
        for page in cut_pages("plans", self._descriptions.plans):
            report(page)
        for page in cut_pages("devices", self._descriptions.devices):
            report(page)

    # --- what tasks do ------------------------------------------------------------------------------------------

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop of the RunEngine."""
        return self._seat.loop

    def show_metadata(self) -> None:
        """Send the metadata of the RunEngine."""
        self._seat.show_metadata()

    def call_function(self, name: str, args: list[Any], kwargs: Mapping[str, Any]) -> object:
        """Call a function of the namespace and return what it returns.

        Raises:
            ProfileError: there is no such function.
        """
        return find_function(self._profile, name)(*args, **kwargs)

    def set_device(self, name: str, value: Any, timeout_s: float) -> None:
        """Set a device, and wait until it is there.

        Raises:
            ProfileError: there is no such device, or it has not arrived; the message says why.
        """
        self._device_calls.set(name, self.find_device(name), value, timeout_s)

    def stop_device(self, name: str) -> None:
        """Stop a device.

        Raises:
            ProfileError: there is no such device, or it cannot be stopped.
        """
        self._device_calls.stop(name, self.find_device(name))

    def execute_script(self, script: str, label: str, *, update_re: bool) -> None:
        """Execute a script in the namespace; with ``update_re`` the RunEngine that it leaves is used from now on.

        Raises:
            ProfileError: the RunEngine cannot be replaced.
        """
        try:
            execute_script(self._profile, script, label, keeps_session=not update_re)
        except BaseException:
            self._seat.keep_engine()
            raise
        if update_re:
            self._seat.replace_engine()

    def update_lists(self) -> None:
        """Describe the plans and devices again, and report the new lists.

        Raises:
            ProfileError: one of them cannot be described; the earlier lists stay.
        """
        # The pages of two updates must not mix.
        with self._updating:
            self._descriptions = describe_profile(self._profile, self._options)
            self._note_devices()
            if self._list_file is not None:
                self._list_file.note_changed(self._descriptions.plans, self._descriptions.devices)
            self._report_lists()
            self._parts.reporter.report(EnvironmentUpdated(number=UNNUMBERED))
        self._parts.device_values.look_again()


def open_environment(options: StartupOptions, parts: EnvironmentParts) -> Environment:
    """Load the startup code and make its RunEngine ready.

    Raises:
        ProfileError: the startup code cannot be used.
    """
    mark_worker_process()
    profile = load_profile(StartupSource.parse(options.startup))
    describe = DescribeOptions(options.device_max_depth, options.ignore_invalid_plans)
    list_file = None if options.list_file is None else ListFile(options.list_file, options.update_list_file)
    return Environment(parts, profile, describe, list_file)
