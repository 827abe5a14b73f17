"""Workers that a launcher starts: from the manager's side and the launcher's, over a real socket and real processes."""

from __future__ import annotations

import asyncio
import os
import signal
import uuid
from contextlib import suppress

import pytest

from queue_server.protocol.launcher_link import (
    MOST_ENDS,
    OpenWorker,
    WatchWorker,
    WorkerRuns,
    read_from_launcher,
    write_line,
)
from queue_server.workers.lane_launcher import LaneLauncher
from queue_server.workers.launcher import find_worker
from queue_server.workers.unit_host import UnitHost

PATIENCE_S = 60

# A worker that lives until it is ended.
WAIT = "while :; do tail -f /dev/null; done"


class Exits:
    """Notes exits; a test can wait for their number."""

    def __init__(self):
        self.told = []
        self._came = asyncio.Event()

    def __call__(self, lane, incarnation, cause):
        self.told.append((incarnation, cause))
        self._came.set()

    async def wait(self, count=1):
        """Return the exits, once there are so many."""
        async with asyncio.timeout(PATIENCE_S):
            while len(self.told) < count:
                self._came.clear()
                await self._came.wait()
        return self.told


class Launching:
    """A launcher in a task, whose workers run a shell script."""

    def __init__(self, socket, script):
        self.socket = socket
        self.stop, self.ready = asyncio.Event(), asyncio.Event()
        self.launcher = LaneLauncher("default", lambda options: ["/bin/sh", "-c", script, "worker", *options])
        self.task = asyncio.create_task(self.launcher.serve(socket, self.stop, self.ready.set))

    async def end(self):
        """End it as its service does."""
        self.stop.set()
        async with asyncio.timeout(PATIENCE_S):
            await self.task

    async def lose(self):
        """End it as a kill does: nobody is asked to end."""
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


@pytest.fixture
async def exits():
    return Exits()


@pytest.fixture
async def launch(tmp_path):
    """Start launchers on one socket; all are ended with the test."""
    made = []

    async def launch(script=WAIT):
        made.append(Launching(tmp_path / "default.launcher", script))
        async with asyncio.timeout(PATIENCE_S):
            await made[-1].ready.wait()
        return made[-1]

    yield launch
    for launching in made:
        if not launching.task.done():
            await launching.end()


@pytest.fixture
async def make_host(tmp_path, exits):
    """Make hosts as managers have them; all are closed with the test."""
    made = []

    def make():
        socket = tmp_path / "default.launcher"
        made.append(UnitHost(socket, lambda lane, who: ["--incarnation", who], exits, look_again_s=0.02))
        return made[-1]

    yield make
    for host in made:
        await host.close()


@pytest.fixture
def incarnation():
    """The incarnation of a worker, whose process is gone with the test."""
    name = str(uuid.uuid4())
    yield name
    pid = find_worker(name)
    if pid is not None:
        # It may be about to end by itself.
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)


async def runs(launching, incarnation):
    """Wait until the launcher says that the worker runs; return its process id."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            reader, writer = await asyncio.open_unix_connection(launching.socket)
            writer.write(write_line(WatchWorker(incarnation=incarnation)))
            message = read_from_launcher(await reader.readline())
            writer.close()
            # The order to start it comes over another connection, and perhaps later.
            if isinstance(message, WorkerRuns):
                return message.pid


@pytest.mark.parametrize(
    ("script", "cause"),
    [("exit 0", "exit code 0"), ("exit 3", "exit code 3"), ("kill -SEGV $$", "killed by SIGSEGV")],
)
async def test_an_exit_is_told_with_its_cause(launch, make_host, exits, script, cause):
    await launch(script)
    make_host().start("default", "w")
    assert await exits.wait() == [("w", cause)]


async def test_without_its_launcher_no_worker_can_be_started(make_host, exits, tmp_path):
    make_host().start("default", "w")
    [(_, cause)] = await exits.wait()
    assert str(tmp_path / "default.launcher") in cause
    assert "start its service" in cause


async def test_a_worker_that_is_killed_leaves_the_launcher_waiting_for_the_next(launch, make_host, exits, incarnation):
    launching, host = await launch(WAIT), make_host()
    host.start("default", incarnation)
    await runs(launching, incarnation)
    host.kill("default", incarnation)
    assert await exits.wait() == [(incarnation, "killed by SIGKILL")]
    assert not launching.task.done()
    host.start("default", "next")
    await runs(launching, "next")
    host.kill("default", "next")
    await exits.wait(2)


async def test_a_worker_that_is_killed_while_it_starts_is_gone_too(launch, make_host, exits, incarnation):
    await launch(WAIT)
    host = make_host()
    host.start("default", incarnation)
    host.kill("default", incarnation)
    assert await exits.wait() == [(incarnation, "killed by SIGKILL")]


async def test_a_lane_has_one_worker_at_a_time(launch, make_host, exits, incarnation):
    launching, host = await launch(WAIT), make_host()
    host.start("default", incarnation)
    pid = await runs(launching, incarnation)
    host.start("default", "second")
    [(who, cause)] = await exits.wait()
    assert who == "second"
    assert incarnation in cause
    assert await runs(launching, incarnation) == pid


# --- the manager ends, and another takes its place ------------------------------------------------------------------


async def test_the_end_of_the_manager_touches_neither_worker_nor_launcher(launch, make_host, exits, incarnation):
    launching, first = await launch(WAIT), make_host()
    first.start("default", incarnation)
    pid = await runs(launching, incarnation)
    await first.close()
    second = make_host()
    assert second.adopt("default", incarnation) is True
    assert await runs(launching, incarnation) == pid
    assert exits.told == []
    second.kill("default", incarnation)
    assert await exits.wait() == [(incarnation, "killed by SIGKILL")]


async def test_how_a_worker_ended_is_known_although_the_manager_was_away(launch, make_host, exits, incarnation):
    launching, first = await launch(WAIT), make_host()
    first.start("default", incarnation)
    pid = await runs(launching, incarnation)
    await first.close()
    os.kill(pid, signal.SIGSEGV)
    make_host().adopt("default", incarnation)
    assert await exits.wait() == [(incarnation, "killed by SIGSEGV")]


async def test_a_worker_that_nobody_knows_is_told_as_gone(launch, make_host, exits):
    await launch()
    make_host().adopt("default", "unknown")
    make_host().kill("default", "unknown too")
    told = dict(await exits.wait(2))
    assert told == {"unknown": "it was gone already", "unknown too": "it was gone already"}


async def test_only_some_ends_are_remembered(launch, make_host, exits):
    await launch("exit 1")
    host = make_host()
    for number in range(MOST_ENDS + 1):
        host.start("default", f"w-{number}")
        await exits.wait(number + 1)
    host.adopt("default", "w-0")
    host.adopt("default", "w-1")
    told = await exits.wait(MOST_ENDS + 3)
    assert sorted(told[-2:]) == [("w-0", "it was gone already"), ("w-1", "exit code 1")]


# --- the launcher ends ----------------------------------------------------------------------------------------------


async def test_the_end_of_the_service_is_the_end_of_the_worker(launch, make_host, exits, incarnation):
    launching = await launch(WAIT)
    make_host().start("default", incarnation)
    await runs(launching, incarnation)
    await launching.end()
    assert await exits.wait() == [(incarnation, "killed by SIGTERM")]
    assert not launching.socket.exists()


async def test_a_worker_that_outlives_its_launcher_is_watched_and_told_when_it_ends(
    launch, make_host, exits, incarnation
):
    launching = await launch(WAIT)
    make_host().start("default", incarnation)
    pid = await runs(launching, incarnation)
    await launching.lose()
    assert exits.told == []
    os.killpg(pid, signal.SIGKILL)
    [(who, cause)] = await exits.wait()
    assert who == incarnation
    assert "without its launcher" in cause


async def test_the_next_launcher_takes_over_a_worker_that_lives(launch, make_host, exits, incarnation):
    first, host = await launch(WAIT), make_host()
    host.start("default", incarnation)
    pid = await runs(first, incarnation)
    await first.lose()
    second = await launch(WAIT)
    assert await runs(second, incarnation) == pid
    host.kill("default", incarnation)
    [(who, _)] = await exits.wait()
    assert who == incarnation
    assert find_worker(incarnation) is None


async def test_what_is_no_order_ends_the_conversation_and_nothing_else(launch, incarnation):
    launching = await launch(WAIT)
    for line in (b"nonsense\n", b"x" * 200_000 + b"\n"):
        reader, writer = await asyncio.open_unix_connection(launching.socket)
        writer.write(line)
        async with asyncio.timeout(PATIENCE_S):
            assert await reader.read() == b""
        writer.close()
    reader, writer = await asyncio.open_unix_connection(launching.socket)
    writer.write(write_line(OpenWorker(incarnation=incarnation, options=["--incarnation", incarnation])))
    async with asyncio.timeout(PATIENCE_S):
        assert isinstance(read_from_launcher(await reader.readline()), WorkerRuns)
    writer.close()


async def test_only_the_group_of_the_directory_may_give_orders(launch):
    launching = await launch()
    assert launching.socket.stat().st_mode & 0o777 == 0o660
