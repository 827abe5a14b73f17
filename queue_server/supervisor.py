"""Runs manager and gateway, restarts what dies or stops answering, and never kills a worker that is busy.

It holds no state but which process it started, so that losing it loses nothing: both live on without it, and the next
supervisor of the data directory finds them by the named pipes into which they report.

It lives as long as they do and does little, so it is a program of its own, ``python -m queue_server.supervisor``:
whoever has read the settings becomes that, and the memory that reading them took is free again.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import json
import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Self

from msgspec import Struct
from msgspec.structs import asdict

from queue_server import __version__, logs
from queue_server.clock import Chance, Clock, SystemClock
from queue_server.keeper import STOP_PATIENCE_S, Keeper, Service, pipe_with
from queue_server.process import (
    PAUSE_PATIENCE_S,
    SUPERVISOR_FILE,
    PidFile,
    PidFileTakenError,
    end_process,
    find_writer,
    living_workers,
)
from queue_server.sockets import LINK, MANAGER_KEY_FILE, WORKERS, delegate_address, private_address
from queue_server.storage.lock import LOCK_FILE

if TYPE_CHECKING:
    from queue_server.config import Settings

_log = logging.getLogger(__name__)

_FOR_THE_GATEWAY = {
    "data",
    "info",
    "encoding",
    "http",
    "http_config",
    "api_key_file",
    "tls_cert",
    "tls_key",
    "verbosity",
    "console_output",
}

MANAGER_PIPE = "manager.reports"
GATEWAY_PIPE = "gateway.reports"
"""The named pipes in the data directory into which manager and gateway report."""

SPARE_AFTER_S = 3.0
"""How long a manager serves until another process is made that waits to take its place."""

_PR_SET_CHILD_SUBREAPER = 36

# What a manager needs at most for its end: it waits for plans to pause, if it is set to, and closes idle workers.
_LONGEST_STOP_S = PAUSE_PATIENCE_S + STOP_PATIENCE_S


class Orders(Struct, frozen=True):
    """What a supervisor makes of the settings: JSON values, so that it need not know what they mean.

    ``manager`` and ``gateway`` are the settings of both; ``after_restart`` is what a manager is told otherwise that
    takes the place of one that has died.
    """

    manager: Mapping[str, Any]
    after_restart: Mapping[str, Any]
    gateway: Mapping[str, Any]
    has_gateway: bool
    pauses_at_stop: bool
    has_spare: bool
    verbosity: str
    is_printed: bool

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return what settings mean for a supervisor."""
        told = settings.model_dump(mode="json", exclude_none=True)
        later = settings.after_restart().model_dump(mode="json", exclude_none=True)
        return cls(
            told,
            {name: value for name, value in later.items() if told.get(name) != value},
            _settings_of_gateway(settings),
            settings.http != "off",
            settings.pause_at_stop,
            settings.spare_manager,
            settings.verbosity,
            settings.console_output != "off",
        )

    @property
    def data(self) -> Path:
        """The data directory."""
        return Path(self.manager["data"])

    @property
    def ready_file(self) -> Path | None:
        """Where the addresses are written, if anywhere."""
        path = self.manager.get("ready_file")
        return None if path is None else Path(path)


def run(settings: Settings) -> NoReturn:
    """Become a supervisor, which serves until SIGTERM or Ctrl-C."""
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    orders_fd = pipe_with(json.dumps(asdict(Orders.of(settings))).encode())
    os.set_inheritable(orders_fd, True)
    # The directory is there for those who read the list of processes.
    options = ["--data", str(settings.data), "--orders-fd", str(orders_fd)]
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "queue_server.supervisor", *options])


def main() -> int:
    """Be a supervisor; return the exit code of the process."""
    parser = argparse.ArgumentParser(prog="python -m queue_server.supervisor")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--orders-fd", type=int, required=True)
    with open(parser.parse_args().orders_fd, "rb") as stream:
        orders = Orders(**json.load(stream))
    logs.configure(orders.verbosity, is_printed=orders.is_printed)
    try:
        with PidFile.claim(orders.data / SUPERVISOR_FILE):
            return asyncio.run(_Supervisor(orders).run())
    except PidFileTakenError as error:
        _log.error("%s", error)
        return error.exit_code


def _settings_of_gateway(settings: Settings) -> dict[str, Any]:
    shared = settings.model_dump(mode="json", include=_FOR_THE_GATEWAY, exclude_none=True)
    if "http_workers" in settings.model_fields_set:
        shared["workers"] = settings.http_workers
    link = settings.worker_link or private_address(settings.data, LINK)
    shared["worker_link"] = link
    if link.startswith("tcp:") and settings.is_encrypted and settings.curve_workers_file is not None:
        # Towards the manager it is a worker that is started here.
        shared["worker_key_file"] = str(settings.worker_key_file)
        shared["manager_key_file"] = str(settings.data / WORKERS / MANAGER_KEY_FILE)
    return {**shared, "control": delegate_address(settings.data)}


def stop(data: Path, *, workers: bool = False) -> int:
    """End what ``run`` has started for a data directory; return 0, or 5 if something is left.

    Without ``workers`` a worker that executes a plan is left to finish it.
    """
    number = signal.SIGUSR1 if workers else signal.SIGTERM
    finders: tuple[tuple[Callable[[], int | None], signal.Signals], ...] = (
        (lambda: PidFile.holder(data / SUPERVISOR_FILE), number),
        # Both may have lost their supervisor. A manager that is still starting holds no lock yet.
        (lambda: PidFile.holder(data / LOCK_FILE) or find_writer(data / MANAGER_PIPE), number),
        (lambda: find_writer(data / GATEWAY_PIPE), signal.SIGTERM),
    )
    found = False
    for find, wanted in finders:
        pid = find()
        if pid is not None:
            found = True
            if not end_process(pid, wanted, _LONGEST_STOP_S + 5):
                _log.error("Process %d does not end", pid)
                return 5
    left = living_workers(data / WORKERS)
    if workers:
        remaining = [pid for pid in left if not _kill_session(pid)]
        if remaining:
            _log.error("Not all workers end: %s", remaining)
            return 5
    if left and not workers:
        _log.warning("Workers go on with their plans: %s. End them with: cuelight down --workers", left)
    if not found:
        _log.info("Nothing runs on %s", data)
    return 0


def _kill_session(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    return end_process(pid, signal.SIGKILL, STOP_PATIENCE_S)


class _Supervisor:
    def __init__(self, orders: Orders, clock: Clock | None = None) -> None:
        self._orders = orders
        self._told_manager = dict(orders.manager)
        self._told_gateway = dict(orders.gateway)
        clock, chance = clock or SystemClock(), Chance()
        # A manager ends by itself when a client has asked it to, with manager_stop.
        manager = Service(
            "manager",
            "queue_server",
            lambda: json.dumps(self._told_manager),
            self._see_manager,
            self._see_end_of_manager,
            may_end=True,
            reports=orders.data / MANAGER_PIPE,
            stop_patience_s=_LONGEST_STOP_S if orders.pauses_at_stop else STOP_PATIENCE_S,
            spare_after_s=SPARE_AFTER_S if orders.has_spare else None,
        )
        gateway = Service(
            "gateway",
            "http_gateway",
            lambda: json.dumps(self._told_gateway),
            self._see_gateway,
            self._see_end_of_gateway,
            reports=orders.data / GATEWAY_PIPE,
        )
        self._manager = Keeper(manager, clock, chance)
        self._gateway = Keeper(gateway, clock, chance)
        self._manager_serves = asyncio.Event()
        self._http: str | None = None
        self._stopping: signal.Signals | None = None

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
            loop.add_signal_handler(number, self._ask_to_stop, number)
        _adopt_orphans()
        loop.add_signal_handler(signal.SIGCHLD, self._reap_orphans)
        # A supervisor that was killed has left its own behind, with addresses that nobody answers any more.
        self._remove_ready_file()
        self._manager.adopt()
        manager = asyncio.create_task(self._manager.run(), name="manager")
        gateway = asyncio.create_task(self._run_gateway(), name="gateway")
        await asyncio.wait({manager, gateway}, return_when=asyncio.FIRST_COMPLETED)
        failed = gateway.done() and self._stopping is None and not manager.done()
        if failed:
            self._manager.ask_to_stop(signal.SIGTERM)
        code = await manager
        if self._gateway.pid is None:
            gateway.cancel()
        self._gateway.ask_to_stop(signal.SIGTERM)
        [gateway_code] = await asyncio.gather(gateway, return_exceptions=True)
        if failed and isinstance(gateway_code, int):
            return gateway_code
        return code if self._stopping is None else self._say_goodbye(code)

    async def _run_gateway(self) -> int:
        is_adopted = self._gateway.adopt()
        if not self._orders.has_gateway:
            if is_adopted:
                # That of an earlier supervisor, which was told otherwise.
                self._gateway.ask_to_stop(signal.SIGTERM)
                await self._gateway.run()
            return await asyncio.get_running_loop().create_future()
        if not is_adopted:
            await self._manager_serves.wait()
        return await self._gateway.run()

    def _see_manager(self, addresses: Mapping[str, Any]) -> None:
        # A restarted manager must be found where the first one was, also where port 0 was asked for.
        self._told_manager.update(self._orders.after_restart, **addresses)
        if "info" in self._told_gateway:
            self._told_gateway["info"] = self._told_manager["info"]
        self._manager_serves.set()
        self._write_ready_file()

    def _see_end_of_manager(self) -> None:
        self._manager_serves.clear()
        self._remove_ready_file()

    def _see_gateway(self, addresses: Mapping[str, Any]) -> None:
        self._http = addresses["url"]
        self._told_gateway["http"] = addresses["http"]
        self._write_ready_file()

    def _see_end_of_gateway(self) -> None:
        self._http = None
        self._remove_ready_file()

    def _ask_to_stop(self, number: signal.Signals) -> None:
        if self._stopping is None:
            _log.info("Stopping ...")
        self._stopping = signal.SIGUSR1 if number == signal.SIGUSR1 else signal.SIGTERM
        self._gateway.ask_to_stop(signal.SIGTERM)
        self._manager.ask_to_stop(self._stopping)

    def _say_goodbye(self, code: int) -> int:
        left = living_workers(self._orders.data / WORKERS)
        if left:
            _log.warning(
                "Workers go on with their plans (processes %s): `cuelight up` on the same data directory takes them "
                "over, `cuelight down --workers` ends them.",
                left,
            )
        return 0 if code in (0, -signal.SIGTERM) else code

    def _reap_orphans(self) -> None:
        """Collect the exits of workers whose manager has died; those of services are left to their keepers."""
        while True:
            try:
                found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if found is None or found.si_pid in (self._manager.pid, self._gateway.pid):
                return
            if found.si_pid == self._manager.spare_pid:
                self._manager.drop_spare()
                continue
            with suppress(ChildProcessError):
                os.waitpid(found.si_pid, os.WNOHANG)

    def _write_ready_file(self) -> None:
        path, manager, gateway = self._orders.ready_file, self._manager.pid, self._gateway.pid
        has_gateway = self._orders.has_gateway
        # One that was kept on has a process before it has told its addresses.
        is_complete = self._manager_serves.is_set() and (not has_gateway or self._http is not None)
        if path is None or manager is None or not is_complete:
            return
        content = {
            **{name: self._told_manager[name] for name in ("control", "info", "documents")},
            "http": self._http,
            "data_dir": str(self._orders.data),
            "pids": {"supervisor": os.getpid(), "manager": manager} | ({"gateway": gateway} if has_gateway else {}),
            "version": __version__,
        }
        try:
            _write_privately(path, json.dumps(content) + "\n")
        except OSError as error:
            # What runs, runs; only those who wait for the file are not told.
            _log.error("The ready file cannot be written: %s", error)

    def _remove_ready_file(self) -> None:
        if self._orders.ready_file is None:
            return
        try:
            self._orders.ready_file.unlink(missing_ok=True)
        except OSError as error:
            _log.error("The ready file cannot be removed: %s", error)


def _write_privately(path: Path, text: str) -> None:
    """Put a file with this text in place at once, for this user alone."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as stream:
        stream.write(text)
    temporary.replace(path)


def _adopt_orphans() -> None:
    """Become the parent of workers whose manager dies, so that their exits are collected."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        _log.warning("Workers whose manager dies will not be collected: %s", os.strerror(ctypes.get_errno()))


if __name__ == "__main__":
    sys.exit(main())
