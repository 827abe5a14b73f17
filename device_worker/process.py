"""The life of a worker process: which thread does what, and in which order it starts and ends.

It is the same for a worker that executes processing graphs, whose threads ``device_worker.compute.environment`` tells.

Threads. *main* loads the startup code and runs the plans, since signals and the RunEngine want the main thread; it
waits in one queue. *worker-link* owns the sockets. *bluesky-run-engine* is the RunEngine's event loop. *pause* waits
for that loop on behalf of an order to pause. *signals* acts on SIGTERM. *emergency stop* lives as long as one takes.
*device values* tells values of devices while somebody follows them; each of these devices has a thread of its own.
They meet in queues; none of them polls.

Start: outbox file, link (the hello leaves while the startup code is still being loaded), console, signals, profile,
RunEngine, catalogs, ``EnvironmentOpened``, commands. End, in reverse: ``EnvironmentClosed`` or ``EnvironmentFailed``,
its acknowledgement or a deadline, console, link, outbox file.
"""

from __future__ import annotations

import argparse
import faulthandler
import logging
import os
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from device_worker import callback_threads
from device_worker.activity import Activity
from device_worker.commands import Close, Commands, End, Execute
from device_worker.console import captured_console
from device_worker.emergency_stop import EmergencyStops
from device_worker.excerpt import cut_message, cut_traceback
from device_worker.link import LinkedWorker
from device_worker.list_file import UPDATES, ListUpdates
from device_worker.reading_orders import Readings
from device_worker.signals import LoadingInterrupted, Signals
from device_worker.task_orders import TaskOrders
from queue_server.client.keys import CurveKeys, read_pair
from queue_server.client.outbox import UNNUMBERED, FinishRecords, Outbox, finish_record_path
from queue_server.client.worker import LinkSettings, WorkerLink
from queue_server.clock import SystemClock
from queue_server.protocol.errors import ParameterError
from queue_server.protocol.items import DEFAULT_LANE
from queue_server.protocol.worker_link import Continue, EnvironmentClosed, EnvironmentFailed, RunTask

if TYPE_CHECKING:
    from device_worker.compute.environment import GraphEnvironment
    from device_worker.environment import Environment
    from device_worker.parts import EnvironmentParts

_log = logging.getLogger(__name__)

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
ACKNOWLEDGEMENT_S = 5.0
# Exit handlers of control libraries may hang; then the tracebacks of all threads go to the log, and the process ends.
EXIT_WITHIN_S = 5.0


@dataclass(frozen=True, slots=True)
class Options:
    """What the process was started with."""

    link: str
    lane: str
    incarnation: str
    state_dir: Path
    data: Path | None
    startup: str
    list_file: Path | None
    update_list_file: ListUpdates
    device_max_depth: int
    ignore_invalid_plans: bool
    orphan_timeout_s: float
    documents: str | None = None
    keys: CurveKeys | None = None
    graphs: GraphOptions | None = None


@dataclass(frozen=True, slots=True)
class GraphOptions:
    """What a worker was started with that executes processing graphs."""

    data: Path
    processes: int | None = None
    memory_limit_mib: int | None = None
    scheduler: Path | None = None


def read_options(arguments: Sequence[str] | None = None) -> Options:
    """Return the options of the command line; an unusable one ends the process with exit code 2."""
    parser = argparse.ArgumentParser(prog="python -m device_worker", description="Run plans for one lane.")
    parser.add_argument("--link", required=True, metavar="ADDRESS", help="address of the manager's worker link")
    parser.add_argument("--lane", default=DEFAULT_LANE, help="lane that this worker serves")
    parser.add_argument("--incarnation", required=True, metavar="ID", help="identity of this process")
    parser.add_argument("--state-dir", required=True, type=Path, metavar="DIR", help="directory for finish records")
    parser.add_argument("--data", type=Path, metavar="DIR", help="data directory of the manager, if it is on this host")
    parser.add_argument("--startup", default="sim", metavar="sim|DIR|FILE|MODULE", help="startup code to load")
    parser.add_argument("--list-file", type=Path, metavar="FILE", help="where plans and devices are listed")
    parser.add_argument("--update-list-file", choices=UPDATES, default=UPDATES[0], help="when the list file is written")
    parser.add_argument("--device-max-depth", type=int, default=0, metavar="N", help="levels to describe; 0 means all")
    parser.add_argument("--ignore-invalid-plans", action="store_true", help="leave out plans that cannot be described")
    parser.add_argument(
        "--orphan-timeout",
        type=float,
        default=3600.0,
        metavar="SECONDS",
        help="end an idle worker whose manager is away for so long; 0 means never (default: 3600)",
    )
    parser.add_argument("--documents", metavar="ADDRESS", help="where documents of runs are published")
    parser.add_argument(
        "--secret-key-file", type=Path, metavar="FILE", help="file of mode 0600 with the private key of this worker"
    )
    parser.add_argument(
        "--manager-key-file", type=Path, metavar="FILE", help="file of mode 0600 with the public key of the manager"
    )
    _add_graph_options(parser)
    given = parser.parse_args(arguments)
    if given.device_max_depth < 0 or not given.orphan_timeout >= 0:
        parser.error("--device-max-depth and --orphan-timeout must be 0 or more")
    return Options(
        link=given.link,
        lane=given.lane,
        incarnation=given.incarnation,
        state_dir=given.state_dir,
        data=given.data,
        startup=given.startup,
        list_file=given.list_file,
        update_list_file=given.update_list_file,
        device_max_depth=given.device_max_depth,
        ignore_invalid_plans=given.ignore_invalid_plans,
        orphan_timeout_s=given.orphan_timeout,
        documents=given.documents,
        keys=_read_keys(parser, given),
        graphs=_read_graph_options(given),
    )


def _add_graph_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--graphs-in", type=Path, metavar="DIR", help="execute graphs, no plans, and keep files in this data directory")
    add("--graph-processes", type=int, metavar="N", help="processes that execute nodes")
    add("--graph-memory-mib", type=int, metavar="MIB", help="memory of each of these processes")
    add("--graph-scheduler", type=Path, metavar="FILE", help="file that names an existing Dask scheduler")


def _read_graph_options(given: argparse.Namespace) -> GraphOptions | None:
    if given.graphs_in is None:
        return None
    return GraphOptions(given.graphs_in, given.graph_processes, given.graph_memory_mib, given.graph_scheduler)


def _read_keys(parser: argparse.ArgumentParser, given: argparse.Namespace) -> CurveKeys | None:
    if given.secret_key_file is None and given.manager_key_file is None:
        return None
    if given.secret_key_file is None or given.manager_key_file is None:
        parser.error("an encrypted link needs both --secret-key-file and --manager-key-file")
    try:
        return read_pair(given.secret_key_file, given.manager_key_file)
    except ParameterError as error:
        parser.error(error.message)


def main(arguments: Sequence[str] | None = None) -> int:
    """Be a worker until the manager, a signal or a failure ends it; return the exit code."""
    options = read_options(arguments)
    _keep_standard_input_taken()
    faulthandler.enable(sys.stderr)
    try:
        records = FinishRecords(finish_record_path(options.state_dir, options.incarnation))
    except OSError as error:
        sys.stderr.write(f"The file for finish records cannot be created: {error}\n")
        return EXIT_USAGE
    outbox = Outbox(records)
    settings = LinkSettings(
        address=options.link,
        lane=options.lane,
        incarnation=options.incarnation,
        pid=os.getpid(),
        absence_s=options.orphan_timeout_s,
        keys=options.keys,
    )
    link = WorkerLink(settings, outbox)
    with captured_console(link.write_console):
        exit_code = _WorkerProcess(options, link).run()
    link.close()
    outbox.close()
    faulthandler.dump_traceback_later(EXIT_WITHIN_S, exit=True, file=sys.stderr)
    return exit_code


def _keep_standard_input_taken() -> None:
    """Make sure that no file gets descriptor 0, where a plan might try to read from a terminal."""
    try:
        os.fstat(0)
    except OSError:
        os.open(os.devnull, os.O_RDONLY)


class _WorkerProcess:
    """The parts of the process that live from the first hello to the last report."""

    def __init__(self, options: Options, link: WorkerLink) -> None:
        self._options = options
        self._link = link
        self._activity = Activity()
        self._commands = Commands(options.lane, self._activity, link)
        objection = "" if options.graphs is None else "the worker executes processing graphs, and no tasks"
        self._task_orders = TaskOrders(self._activity, self._commands, link, SystemClock(), objection)
        self._stops = EmergencyStops(self._activity, self._commands, link.answer)
        self._readings = Readings(link.answer)
        self._linked_worker = LinkedWorker(self._activity, self._commands, self._task_orders)
        self._linked_worker.use_stops(self._stops)
        self._linked_worker.use_readings(self._readings)
        self._signals = Signals()

    def run(self) -> int:
        """Open the environment, execute what is ordered, and end in order."""
        started_s = time.monotonic()
        try:
            self._signals.install(self._commands.terminate)
            self._link.start(self._linked_worker)
            environment = self._open()
        except LoadingInterrupted as interruption:
            self._fail(str(interruption))
            return EXIT_FAILED
        except Exception as error:
            self._fail(f"The worker failed: {error!r}", "".join(traceback.format_exception(error)))
            raise
        if environment is None:
            return EXIT_FAILED
        _log.info("Environment opened in %.2f seconds", time.monotonic() - started_s)
        callback_threads.let_rest()
        try:
            reason = self._serve(environment)
            environment.close()
        finally:
            callback_threads.wake()
        self._close(reason)
        return EXIT_OK

    def _open(self) -> Environment | GraphEnvironment | None:
        # Bluesky and the startup code are imported here, when the hello is on its way already.
        from device_worker.parts import EnvironmentParts
        from device_worker.profile import ProfileError
        from device_worker.run_engine.outputs import OUTPUTS, Outputs

        parts = EnvironmentParts(
            self._activity,
            self._commands,
            self._task_orders,
            self._link,
            SystemClock(),
            self._stops.movables,
            outputs=Outputs(self._options.state_dir / OUTPUTS / self._options.lane, self._options.data),
        )
        try:
            environment = self._load(parts)
        except ProfileError as error:
            self._fail(str(error), error.traceback)
            return None
        self._signals.loading_ended()
        self._linked_worker.watch_loop(environment.loop_age_s)
        self._stops.use(environment)
        environment.announce()
        return environment

    def _load(self, parts: EnvironmentParts) -> Environment | GraphEnvironment:
        if self._options.graphs is not None:
            from device_worker.compute.environment import open_graph_environment

            return open_graph_environment(self._options.startup, self._options.lane, self._options.graphs, parts)
        from device_worker.device_values import open_device_values
        from device_worker.documents import open_documents
        from device_worker.environment import open_environment

        parts = replace(
            parts,
            documents=open_documents(self._options, parts.clock),
            device_values=open_device_values(self._options, parts.clock),
        )
        environment = open_environment(self._options, parts)
        self._readings.use(environment)
        parts.device_values.use(environment)
        return environment

    def _serve(self, environment: Environment | GraphEnvironment) -> str:
        while True:
            # An item or a task may have run an event loop that took them over.
            self._signals.listen()
            command = self._commands.next_command()
            if isinstance(command, Execute):
                environment.execute(command)
            elif isinstance(command, RunTask):
                environment.run_task(command)
            elif isinstance(command, Close):
                return "the manager closes it"
            elif isinstance(command, End):
                return command.reason
            elif isinstance(command, Continue):
                _log.warning("Late: the order to %s is dropped, no plan is paused", command.option)

    def _close(self, reason: str) -> None:
        _log.info("RE Environment is closed: %s", reason)
        self._link.report(EnvironmentClosed(number=UNNUMBERED))
        if self._link.is_welcome:
            self._wait_acknowledged()

    def _fail(self, message: str, traceback_text: str = "") -> None:
        self._signals.loading_ended()
        self._activity.fail()
        _log.error("The environment could not be opened: %s\n%s", message, traceback_text)
        self._link.report(
            EnvironmentFailed(number=UNNUMBERED, message=cut_message(message), traceback=cut_traceback(traceback_text))
        )
        self._wait_acknowledged()

    def _wait_acknowledged(self) -> None:
        if not self._link.wait_acknowledged(ACKNOWLEDGEMENT_S):
            _log.warning("The manager has not acknowledged the last reports within %.0f seconds", ACKNOWLEDGEMENT_S)
