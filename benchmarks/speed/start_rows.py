"""Rows of what a system costs before it does anything: its start, its environment, its memory, and its idle time."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial

from benchmarks.client import STATUS, client_of
from benchmarks.processes import START_S, clean_environment, free_ports
from benchmarks.speed.limits import time_import
from benchmarks.speed.row import OURS, PEER, AtMost, Row, Side, Stage, Take, Times
from benchmarks.speed.sides import running
from benchmarks.systems import ANY_PORT, ROOT, System, queueserver_command, running_redis, up_command

IMPORTS = "bare imports"
# What any profile with simulated devices imports, and nothing of ours.
PROFILE_MODULES = "bluesky.run_engine, bluesky.plans, bluesky.plan_stubs, bluesky.preprocessors, ophyd.sim"
# What any such manager imports.
MANAGER_MODULES = "asyncio, zmq, apsw, pydantic, orjson, msgpack, uvloop, yaml"
IDLE_S = 10.0
SETTLE_S = 6.0


# --- the start ------------------------------------------------------------------------------------------------------


def _time_until_answer(command: Sequence[str], control: int, *fds: int) -> float:
    """Return how long a command takes until it answers on a port, in milliseconds; it inherits what ``fds`` names."""
    silent, environment = subprocess.DEVNULL, clean_environment()
    began = time.perf_counter()
    process = subprocess.Popen(command, env=environment, cwd=ROOT, pass_fds=fds, stdout=silent, stderr=silent)
    try:
        with client_of(f"tcp://127.0.0.1:{control}") as client:
            client.ask_raw(STATUS)
            return (time.perf_counter() - began) * 1000
    finally:
        process.terminate()
        process.wait(START_S)


@contextmanager
def _start_manager(stage: Stage, size: int) -> Generator[Take]:
    """The process of the manager alone, as a supervisor or systemd starts it."""
    del size

    def take() -> float:
        [control] = free_ports(1)
        data = stage.directory / f"data-{control}"
        data.mkdir(parents=True, mode=0o700)
        addresses = {"control": f"tcp://127.0.0.1:{control}", "info": ANY_PORT, "documents": ANY_PORT}
        settings = {"data": str(data), "startup": "sim", **addresses}
        reading, writing = os.pipe()
        os.write(writing, json.dumps(settings).encode())
        os.close(writing)
        command = [sys.executable, "-m", "queue_server", "--settings-fd", str(reading)]
        try:
            return _time_until_answer(command, control, reading)
        finally:
            os.close(reading)
            shutil.rmtree(data)

    take()
    yield take


@contextmanager
def _start_system(stage: Stage, size: int) -> Generator[Take]:
    """Supervisor and manager, as a person starts them."""
    del size

    def take() -> float:
        [control] = free_ports(1)
        command = up_command(stage.directory / f"data-{control}", control=f"tcp://127.0.0.1:{control}")
        return _time_until_answer(command, control)

    take()
    yield take


@contextmanager
def _start_peer(stage: Stage, size: int) -> Generator[Take]:
    del size
    assert stage.peer is not None
    peer = stage.peer
    with running_redis(stage.directory) as redis:

        def take() -> float:
            control, info = free_ports(2)
            return _time_until_answer(queueserver_command(peer, redis, control, info), control)

        take()
        yield take


@contextmanager
def _importing(modules: str, stage: Stage, size: int) -> Generator[Take]:
    del stage, size
    time_import(modules)
    yield lambda: time_import(modules) * 1000


# --- the environment ------------------------------------------------------------------------------------------------


@contextmanager
def _opening(kind: str, pause_s: float, stage: Stage, size: int) -> Generator[Take]:
    """Measure how long an environment takes to open; ``pause_s`` after the one before was closed."""
    del size
    with running(kind, stage) as system:
        system.open_environment()

        def take() -> float:
            system.close_environment()
            time.sleep(pause_s)
            return system.open_environment() * 1000

        yield take


@contextmanager
def _first_opening(kind: str, stage: Stage, size: int) -> Generator[Take]:
    """Measure it right after the start of a system."""
    del size
    numbers = iter(range(1000))

    def take() -> float:
        with running(kind, Stage(stage.directory / str(next(numbers)), stage.peer)) as system:
            return system.open_environment() * 1000

    take()
    yield take


# --- at rest --------------------------------------------------------------------------------------------------------


@contextmanager
def _at_rest(kind: str, measure: Callable[[System], float], is_open: bool, stage: Stage, size: int) -> Generator[Take]:
    del size
    with ExitStack() as stack:
        system = stack.enter_context(running(kind, stage))
        if is_open:
            system.open_environment()
        # What a start leaves behind is done by then.
        time.sleep(SETTLE_S)
        yield lambda: measure(system)


def _manager_mb(system: System) -> float:
    return system.resident_mb(whole=False)


def _system_mb(system: System) -> float:
    return system.resident_mb(whole=True)


def _busy_percent(system: System) -> float:
    before = system.processor_s()
    time.sleep(IDLE_S)
    return (system.processor_s() - before) / IDLE_S * 100


def _sides(measure: Callable[[System], float], *, is_open: bool) -> dict[str, Side]:
    return {kind: partial(_at_rest, kind, measure, is_open) for kind in (OURS, PEER)}


def _openings(side: Callable[..., AbstractContextManager[Take]], *more: object) -> dict[str, Side]:
    return {kind: partial(side, kind, *more) for kind in (OURS, PEER)}


ROWS: Sequence[Row] = (
    Row(
        "start",
        "manager: start to first answer",
        "ms",
        {OURS: _start_manager, PEER: _start_peer, IMPORTS: partial(_importing, MANAGER_MODULES)},
        (AtMost(350),),
    ),
    Row(
        "up",
        "cuelight up: start to first answer",
        "ms",
        {OURS: _start_system, PEER: _start_peer, IMPORTS: partial(_importing, MANAGER_MODULES)},
        (),
    ),
    Row(
        "open",
        "environment: first opening",
        "ms",
        {**_openings(_first_opening), IMPORTS: partial(_importing, PROFILE_MODULES)},
        (Times(1 / 1.2, IMPORTS),),
    ),
    Row(
        "reopen",
        "environment: opened again after 5 s",
        "ms",
        {**_openings(_opening, 5.0), IMPORTS: partial(_importing, PROFILE_MODULES)},
        (Times(1 / 1.2, IMPORTS),),
    ),
    Row("memory", "memory of the manager", "MB", _sides(_manager_mb, is_open=True), (AtMost(60),)),
    Row("memory-all", "memory of all, environment open", "MB", _sides(_system_mb, is_open=True), (Times(1),)),
    Row("idle", "processor, environment open", "%", _sides(_busy_percent, is_open=True), (AtMost(0.3),)),
)
