"""The process of the manager, as the supervisor or systemd starts it: ``python -m queue_server``.

Settings come as JSON on the file descriptor ``--settings-fd``; what happens is told as JSON lines on ``--report-fd``:
first ``{"ready": addresses}``, then ``{"alive": addresses}`` each second, at an end that a restart would not mend
``{"failed": sentence, "exit_code": n, "may_pass": whether time might mend it}``, and last ``{"ended": exit code}``.

The store is opened before most of the manager is loaded: a second one on the same data, or one whose data are damaged,
ends the sooner. With ``--spare`` everything is loaded first, and the settings may come much later, with the descriptor
to report to; see ``process.Spare``.

As a unit of systemd it has the settings of ``--config DIR`` and of the environment, and tells systemd the same. With
``--clear-lock DIR`` it does not serve: it takes the lock off the data of a manager that does not run, and tells
``{"lock": the lock as it was, or null}``.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import getpass
import json
import logging
import os
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import asdict

from queue_server import logs
from queue_server.clock import Chance, SystemClock
from queue_server.process import end_with_parent, wait_as_spare
from queue_server.protocol.errors import CuelightError, StorageBusyError, StorageFullError
from queue_server.systemd import ServiceUnit

if TYPE_CHECKING:
    from queue_server.app import Addresses
    from queue_server.config import Settings
    from queue_server.core.locks import Lock
    from queue_server.storage.sqlite import SqliteStore

_log = logging.getLogger(__name__)

# How long a thread that computes keeps the event loop waiting, each time that it comes back from the operating system.
SWITCH_INTERVAL_S = 0.0005


def main() -> int:
    """Run the manager; return the exit code of the process."""
    # What is loaded stays: to look for garbage in it again and again would be a tenth of the start.
    gc.disable()
    options = _read_options()
    if options.clear_lock is not None:
        return _clear_lock(options.clear_lock.absolute(), options.report_fd)
    unit = ServiceUnit.take()
    if options.config is not None:
        return _serve_unit(options.config, unit)
    # Ctrl-C reaches the whole terminal; the supervisor decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    report_fd = options.report_fd
    if options.spare:
        taken = _wait_in_reserve(options.settings_fd)
        if taken is None:
            return 0
        text, report_fd = taken
    else:
        with open(options.settings_fd, "rb") as stream:
            text = stream.read()
    # A supervisor that is stopped must not stop the manager with it.
    os.set_blocking(report_fd, False)
    told = json.loads(text)
    logs.configure(told.get("verbosity", "normal"), is_printed=told.get("console_output") != "off")
    return _serve(Path(told["data"]), lambda: _read_settings(told), unit, report_fd, told.get("control", ""))


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m queue_server")
    task = parser.add_mutually_exclusive_group(required=True)
    task.add_argument("--settings-fd", type=int)
    task.add_argument("--config", type=Path, metavar="DIR")
    task.add_argument("--clear-lock", type=Path, metavar="DIR")
    parser.add_argument("--report-fd", type=int, default=1)
    parser.add_argument("--spare", action="store_true")
    return parser.parse_args()


def _wait_in_reserve(settings_fd: int) -> tuple[bytes, int] | None:
    end_with_parent(is_wanted=True)
    import_module("queue_server.app")
    taken = wait_as_spare(settings_fd)
    end_with_parent(is_wanted=False)
    return taken


def _read_settings(told: dict[str, Any]) -> Settings:
    from queue_server.config import Settings

    return Settings(**told)


def _serve_unit(directory: Path, unit: ServiceUnit) -> int:
    from queue_server.config import load_settings

    try:
        settings = load_settings({"config": str(directory)})
    except CuelightError as error:
        logs.configure()
        _log.error("%s", error)
        return error.exit_code
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    logs.configure(settings.verbosity, is_printed=settings.console_output != "off")
    return _serve(settings.data, lambda: settings, unit, None, settings.control)


def _serve(data: Path, settings: Callable[[], Settings], unit: ServiceUnit, report_fd: int | None, control: str) -> int:
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    from queue_server.storage.sqlite import open_sqlite
    from queue_server.transport.early import listen

    try:
        store = open_sqlite(data, clock=SystemClock(), chance=Chance())
    except (CuelightError, OSError) as error:
        code = _report_failure(report_fd, error)
    else:
        listen(control)
        app = _load_app(store)
        # Nor has any collection to look at it while requests wait.
        gc.freeze()
        gc.enable()
        with asyncio.Runner(loop_factory=app.make_loop) as runner:
            code = runner.run(_run(settings(), store, unit, report_fd))
    _report(report_fd, ended=code)
    unit.close()
    return code


def _load_app(store: SqliteStore) -> Any:
    try:
        return import_module("queue_server.app")
    except BaseException:
        # The installation is broken; the data are in order, and have to look like that at the next start.
        asyncio.run(store.close())
        raise


def _report(report_fd: int | None, **message: Any) -> None:
    if report_fd is None:
        return
    try:
        os.write(report_fd, json.dumps(message).encode() + b"\n")
    except OSError:
        # Without a supervisor the manager goes on; the next one reads what is reported then.
        _log.debug("Nobody reads the reports of the manager")


def _clear_lock(data: Path, report_fd: int) -> int:
    from queue_server.app import clear_lock

    exit_code = 0
    try:
        lock = asyncio.run(clear_lock(data, getpass.getuser()))
        report: dict[str, Any] = {"lock": _shown(lock) if lock.is_set else None}
    except CuelightError as error:
        exit_code = error.exit_code
        report = {"failed": error.message, "exit_code": exit_code, "code": error.code}
    os.write(report_fd, json.dumps(report).encode() + b"\n")
    return exit_code


def _shown(lock: Lock) -> dict[str, Any]:
    return {name: value for name, value in asdict(lock).items() if name != "digest"}


async def _run(settings: Settings, store: SqliteStore, unit: ServiceUnit, report_fd: int | None) -> int:
    from queue_server.app import Listener, run_manager
    from queue_server.handlers.registry import load_rest

    told: dict[str, str] = {}

    def ready(addresses: Addresses) -> None:
        told.update(asdict(addresses))
        _report(report_fd, ready=told)
        unit.tell_ready(f"control {addresses.control}, notices {addresses.info}")
        loading.create_task(asyncio.to_thread(load_rest))

    def alive() -> None:
        # With the addresses, for a supervisor that was not there when it became ready.
        _report(report_fd, alive=told)
        unit.tell_alive()

    # An installation that lacks what is loaded then ends the manager.
    async with asyncio.TaskGroup() as loading:
        try:
            await run_manager(settings, Listener(ready, alive, unit.tell_stopping), store)
        except (CuelightError, OSError) as error:
            return _report_failure(report_fd, error)
    return 0


def _report_failure(report_fd: int | None, error: CuelightError | OSError) -> int:
    _log.error("The manager ends: %s", error)
    if isinstance(error, CuelightError):
        may_pass = isinstance(error, (StorageBusyError, StorageFullError))
        _report(report_fd, failed=str(error), exit_code=error.exit_code, may_pass=may_pass)
        return error.exit_code
    _report(report_fd, failed=str(error), exit_code=3)
    return 3


if __name__ == "__main__":
    sys.exit(main())
