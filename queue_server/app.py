"""The manager process: the only place that knows all concrete parts, and the order in which they start and stop.

Start: lock the data directory → commit the next epoch → bind the sockets → recover → ready. A second manager on the
same data ends at the first step and has changed nothing. Stop is the reverse; workers are left to finish what they do.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import uvloop
import zmq
from msgspec import Struct
from msgspec.structs import replace

from queue_server.access.metadata_keys import MetadataKeys
from queue_server.access.startup_files import find_files_of_lanes
from queue_server.artifacts.inspection import Inspector
from queue_server.client.outbox import discard_finish_records, finish_record_path, read_finish_records
from queue_server.clock import Chance, Clock, SystemClock
from queue_server.config import Settings
from queue_server.core.events import RecoveryFinished
from queue_server.core.locks import Lock
from queue_server.core.model import State
from queue_server.dispatch import Dispatcher
from queue_server.engine.board import StatusBoard
from queue_server.engine.engine import Engine
from queue_server.engine.expiry import Expiry
from queue_server.engine.intake import Intake, Remains
from queue_server.engine.offline_change import take_note
from queue_server.engine.perform import Crew, Performer
from queue_server.engine.recovery import apply_lanes, apply_policies, apply_sharing, restore, save
from queue_server.engine.remote_lanes import RemoteLanes
from queue_server.engine.shutdown import Shutdown, Workers
from queue_server.engine.timers import Timers
from queue_server.engine.turn import Turn
from queue_server.engine.unlocking import clear_stored_lock
from queue_server.engine.watchdog import Watchdog
from queue_server.failpoints import declare, failpoint
from queue_server.handlers.context import Desk, Permits
from queue_server.handlers.lock_keys import LockKeys
from queue_server.handlers.postprocessing import Postprocessor
from queue_server.handlers.repeats import Repeats
from queue_server.handlers.repetition import Repetition
from queue_server.handlers.resources import Resources
from queue_server.handlers.startup import take_at_start
from queue_server.process import PAUSE_PATIENCE_S, SUPERVISOR_FILE, PidFile
from queue_server.protocol.errors import NotFoundError, StateError
from queue_server.protocol.items import DEFAULT_LANE
from queue_server.retention import keep_sweeping
from queue_server.sockets import DOCUMENTS, WORKERS, delegate_address, private_address
from queue_server.storage.base import Store, Transaction
from queue_server.storage.directory import DataDirectory
from queue_server.storage.examination import Examination
from queue_server.storage.lock import DirectoryLockedError
from queue_server.storage.schedule import guard_store
from queue_server.storage.sqlite import SqliteStore, open_sqlite
from queue_server.transport.addresses import Addresses
from queue_server.transport.console import PrintingBoard, publish_log
from queue_server.transport.control import ControlSocket
from queue_server.transport.curve import Gate, read_curve
from queue_server.transport.documents import open_documents
from queue_server.transport.notices import NoticesSocket, open_notices
from queue_server.workers.adoption import adopt_workers
from queue_server.workers.host import LocalHost
from queue_server.workers.lane_hosts import LaneHosts, far_lanes, host_launched
from queue_server.workers.launcher import GraphWork, WorkerCommand, find_worker, local_launch
from queue_server.workers.link import WorkerLinkSocket
from queue_server.workers.liveness import Heartbeats
from queue_server.workers.remote_host import RemoteHost
from queue_server.workers.sockets import KeyFiles, link_address, near_address, write_key_files

_log = logging.getLogger(__name__)

declare("start.after_store", "start.after_bind", "start.after_recovery")

Context = zmq.Context["zmq.Socket[bytes]"]


class Listener(Struct, frozen=True):
    """Who is told that the manager is ready, that it lives, and that it is about to end."""

    ready: Callable[[Addresses], None]
    alive: Callable[[], None]
    stopping: Callable[[], None] = lambda: None


class _Parts(Struct, frozen=True):
    """The engine and those who must come to an end before it."""

    engine: Engine
    intake: Intake
    host: LaneHosts
    shutdown: Shutdown
    ended: asyncio.Event
    examination: Examination


def make_loop() -> asyncio.AbstractEventLoop:
    """Return an event loop whose own part in a request is small."""
    return uvloop.new_event_loop()


async def run_manager(settings: Settings, listener: Listener, opened: SqliteStore | None = None) -> None:
    """Serve until asked to stop; ``opened`` is the store if it is open already, and is closed at the end.

    Raises:
        StorageError: the data directory is used by another process, or the store cannot be used.
        ParameterError: a setting does not fit what is stored.
        OSError: an address cannot be bound.
    """
    clock, chance = SystemClock(), Chance()
    async with AsyncExitStack() as stack:
        store = opened or await asyncio.to_thread(open_sqlite, settings.data, clock=clock, chance=chance)
        stack.push_async_callback(store.close)
        failpoint("start.after_store")
        examination = await _look_after_data(stack, store, settings, clock)
        context: Context = zmq.Context()
        # Not term: that would wait for ever for a socket whose owner could not be built.
        stack.callback(context.destroy, 0)
        gate = _open_gate(stack, context, settings)
        notices, streams = _open_streams(stack, context, settings, clock, gate)

        resources, state = await _load(store, settings, clock, chance)
        board = StatusBoard(store.instance_id, settings.manager_name, clock, notices.publish_status)
        ended = asyncio.Event()
        performer = Performer(notices, ended.set)
        engine = Engine(store, state, board, performer, clock=clock, chance=chance)
        engine.find_devices_by(resources.find_devices)
        told = PrintingBoard(notices, sys.stdout) if settings.console_output == "all" else notices
        intake = Intake(engine, resources, told, clock=clock, remains=_find_remains(settings.data / WORKERS))
        host = _connect_workers(stack, _open_link(context, settings, intake, gate), settings, intake, performer, engine)
        board.update(state)

        desk = replace(_set_up_desk(settings, engine, board, resources, clock, streams), has_room=store.has_room)
        control = _open_control(stack, context, settings, engine, desk, gate)
        failpoint("start.after_bind")
        addresses = Addresses(control.address, streams.get("info", settings.info), streams["documents"])
        expiry = Expiry(engine)
        stack.callback(expiry.close)
        expiry.begin()
        shutdown = Shutdown(engine, clock, PAUSE_PATIENCE_S if settings.pause_at_stop else 0.0)
        await _serve(_Parts(engine, intake, host, shutdown, ended, examination), addresses, listener)


async def _look_after_data(stack: AsyncExitStack, store: SqliteStore, settings: Settings, clock: Clock) -> Examination:
    guarding = guard_store(store, settings.data, clock, settings.backup_interval_s, settings.backups_kept)
    examination = await stack.enter_async_context(guarding)
    await stack.enter_async_context(keep_sweeping(settings.data, clock))
    return examination


async def clear_lock(data: Path, user: str) -> Lock:
    """Take the lock of a person off the data of a manager that does not run.

    Returns:
        The lock as it was; it is open if there was none.

    Raises:
        NotFoundError: nothing was ever stored there; nothing was created.
        StateError: a manager runs on the data, and can be asked to unlock.
        PidFileTakenError: a supervisor runs on the data.
        StorageError: the store cannot be used.
    """
    files = DataDirectory(data)
    if files.read_marker() is None and not files.database.exists():
        raise NotFoundError(f"{data} is not the data directory of a manager; nothing was ever stored there.")
    clock = SystemClock()
    try:
        # The supervisor's file too: its manager may be about to start again.
        with PidFile.claim(data / SUPERVISOR_FILE):
            store = await asyncio.to_thread(open_sqlite, data, clock=clock, chance=Chance())
            try:
                return await store.transact(lambda tx: clear_stored_lock(tx, store.epoch, clock.wall(), user))
            finally:
                await store.close()
    except DirectoryLockedError as error:
        raise StateError(error.message, details=error.details) from error


def _open_gate(stack: AsyncExitStack, context: Context, settings: Settings) -> Gate | None:
    curve = read_curve(settings)
    if curve is None:
        return None
    gate = Gate(context, curve)
    stack.callback(gate.close)
    return gate


def _open_streams(
    stack: AsyncExitStack, context: Context, settings: Settings, clock: Clock, gate: Gate | None
) -> tuple[NoticesSocket, Mapping[str, str]]:
    """Bind what others subscribe to; return the notices socket, and the addresses that clients are told."""
    notices = open_notices(context, settings, clock, gate)
    stack.callback(notices.close)
    publish_log(stack, notices)
    documents = open_documents(context, settings, gate, private_address(settings.data, DOCUMENTS))
    stack.callback(documents.close)
    return notices, {**({"info": notices.address} if settings.publish_console else {}), "documents": documents.address}


def _open_control(
    stack: AsyncExitStack, context: Context, settings: Settings, engine: Engine, desk: Desk, gate: Gate | None
) -> ControlSocket:
    """Bind the control socket for everybody, and that of the gateway, whose file only this user can open."""
    desk = replace(desk, inspector=(inspector := Inspector(settings.data)))
    guard = None if gate is None else gate.admit_clients()
    engine.postprocess_by(Postprocessor(desk))
    control = ControlSocket(context, settings.control, Dispatcher(engine, desk), guard, limits=desk.limits)
    stack.push_async_callback(control.finish)
    private = Dispatcher(engine, desk, may_delegate=True)
    previous = os.umask(0o177)
    try:
        delegate = ControlSocket(context, delegate_address(settings.data), private, limits=desk.limits.for_one_client())
    finally:
        os.umask(previous)
    stack.push_async_callback(delegate.finish)
    stack.push(inspector)
    return control


def _set_up_desk(
    settings: Settings,
    engine: Engine,
    board: StatusBoard,
    resources: Resources,
    clock: Clock,
    streams: Mapping[str, str],
) -> Desk:
    return Desk(
        state=lambda: engine.state,
        status=lambda: board.status,
        resources=resources,
        clock=clock,
        instance_id=board.instance_id,
        keys=LockKeys(clock, Chance(), os.environ.get("QSERVER_EMERGENCY_LOCK_KEY_FOR_SERVER") or None),
        permits=Permits(test_methods=settings.test_methods, scripts=settings.script_upload),
        streams=streams,
        repetition=Repetition(settings.replies_kept_days, settings.replies_kept),
        limits=settings,
        repeats=Repeats(clock),
        stop_limits=settings.stop_limits,
        workflow_files=settings.workflow_directory,
    )


def _connect_workers(
    stack: AsyncExitStack,
    opened: tuple[WorkerLinkSocket, KeyFiles | None],
    settings: Settings,
    intake: Intake,
    performer: Performer,
    engine: Engine,
) -> LaneHosts:
    link, keys = opened
    stack.callback(link.close)
    remote = RemoteHost(RemoteLanes(lambda: engine.state), link, intake.hear_exit)

    def hear_answering(lane: str, incarnation: str, *, answering: bool) -> None:
        remote.hear_answering(lane, incarnation, answering=answering)
        intake.hear_answering(lane, incarnation, answering=answering)

    heartbeats = Heartbeats(hear_answering)
    stack.callback(heartbeats.close)
    command = _find_command(settings, near_address(link.address), keys)
    launched = host_launched(settings.worker_launchers, settings.startups, link, command.options, intake.hear_exit)
    host = LaneHosts(LocalHost(local_launch(command), intake.hear_exit), launched, remote)
    stack.push_async_callback(host.close)
    intake.attach(link, heartbeats)
    timers = Timers(engine, SystemClock())
    stack.callback(timers.close)
    performer.attach(Crew(lambda: engine.state, host, link, timers.set))
    return host


def _find_command(settings: Settings, address: str, keys: KeyFiles | None) -> WorkerCommand:
    files = find_files_of_lanes(settings.startups, settings.permissions, settings.permissions_reload)
    far = far_lanes(settings.worker_launchers)
    commands = {
        name: WorkerCommand(
            address,
            settings.data / WORKERS,
            lane.startup,
            lane.device_max_depth or 0,
            bool(lane.ignore_invalid_plans),
            # The worker writes the lists: it has made them, and nobody waits for it meanwhile.
            None if files[name].is_simulated or name in far else files[name].lists,
            lane.update_list_file or "never",
            keys,
            GraphWork.of(lane, settings.data),
            None if name in far else settings.data,
            settings.worker_documents if name in far else private_address(settings.data, DOCUMENTS),
        )
        for name, lane in settings.startups.items()
    }
    return replace(commands.pop(DEFAULT_LANE), others=commands)


def _open_link(
    context: Context, settings: Settings, intake: Intake, gate: Gate | None
) -> tuple[WorkerLinkSocket, KeyFiles | None]:
    address = settings.worker_link or link_address(settings.data)
    bounds = settings.worker_bounds
    # A socket file is protected by its mode.
    if gate is None or not gate.knows_workers or not address.startswith("tcp:"):
        return WorkerLinkSocket(context, address, intake, bounds=bounds), None
    keys = write_key_files(settings.worker_key_file, settings.data / WORKERS, gate.public_key)
    return WorkerLinkSocket(context, address, intake, gate.admit_workers(), bounds), keys


def _find_remains(directory: Path) -> Remains:
    return Remains(
        lambda incarnation: read_finish_records(finish_record_path(directory, incarnation)),
        lambda incarnation: discard_finish_records(finish_record_path(directory, incarnation)),
    )


async def _load(store: Store, settings: Settings, clock: Clock, chance: Chance) -> tuple[Resources, State]:
    """Return what was stored, with what settings and startup files change of it."""
    resources = Resources(
        find_files_of_lanes(settings.startups, settings.permissions, settings.permissions_reload),
        MetadataKeys.parse(settings.permitted_metadata_keys),
        settings.graph_lanes,
    )

    def load(tx: Transaction) -> Turn:
        resources.restore(tx, settings.startups)
        stored = apply_lanes(tx, restore(tx, store.epoch, clock.wall()), settings.startups)
        stored = apply_sharing(apply_policies(stored, settings.on_failure), settings.shared_devices)
        turn = Turn(tx, stored, clock.wall(), chance)
        take_note(turn)
        opened = [one.name for one in stored.lanes if one.worker.incarnation and find_worker(one.worker.incarnation)]
        take_at_start(turn, resources, open_lanes=opened, workflows=settings.workflow_directory)
        if turn.state != stored:
            save(tx, turn.state)
        return turn

    turn = await store.transact(load)
    for act in turn.after_commit:
        act()
    return resources, turn.state


async def _serve(parts: _Parts, addresses: Addresses, listener: Listener) -> None:
    engine = parts.engine
    running = asyncio.create_task(engine.run(), name="engine")
    ending = asyncio.create_task(parts.ended.wait(), name="end")
    serving = asyncio.create_task(_recover(parts), name="recovery")
    obeying = asyncio.create_task(parts.shutdown.run(), name="shutdown")
    watchdog = Watchdog(engine, listener.alive)
    _obey_signals(parts.shutdown, listener)
    try:
        await asyncio.wait({running, ending, serving}, return_when=asyncio.FIRST_COMPLETED)
        if serving.done() and serving.exception() is None and not parts.ended.is_set():
            failpoint("start.after_recovery")
            listener.ready(addresses)
            _log.info("The manager is ready: control %s, notices %s", addresses.control, addresses.info)
            watchdog.start()
            parts.examination.begin()
            await asyncio.wait({running, ending}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        watchdog.stop()
        tasks = (running, ending, serving, obeying)
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            raise result


async def _recover(parts: _Parts) -> None:
    engine = parts.engine
    expected = {lane.name: lane.worker.incarnation for lane in engine.state.lanes if lane.worker.incarnation}

    def is_settled(state: State) -> bool:
        return all(lane.worker.connected or lane.worker.environment == "closed" for lane in state.lanes)

    await adopt_workers(expected, parts.host, parts.intake.hear_exit, lambda: engine.wait_until(is_settled))
    await engine.post(lambda turn: turn.apply(RecoveryFinished()), insist=True)


def _obey_signals(shutdown: Shutdown, listener: Listener) -> None:
    """SIGTERM ends the manager and leaves busy workers alone; SIGUSR1 ends them too."""
    loop = asyncio.get_running_loop()

    def stop(workers: Workers) -> None:
        listener.stopping()
        shutdown.ask(workers)

    loop.add_signal_handler(signal.SIGTERM, stop, "close_idle")
    loop.add_signal_handler(signal.SIGUSR1, stop, "kill")
