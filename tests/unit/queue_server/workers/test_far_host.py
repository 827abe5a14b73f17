"""Workers on another host: from the manager's side and the launcher's, over a real link and with real processes."""

from __future__ import annotations

import asyncio
import os
import signal
import uuid
from contextlib import suppress
from typing import Any

import pytest
import zmq

from queue_server.protocol.errors import EnvelopeError, ParameterError
from queue_server.protocol.launcher_link import OpenWorker, WatchWorker, pack_order, unpack_order
from queue_server.workers.far_host import FarHost
from queue_server.workers.far_launcher import FarLauncher, FarPlace
from queue_server.workers.lane_launcher import find_place, read_options
from queue_server.workers.launcher import find_worker
from queue_server.workers.link import WorkerLinkSocket

PATIENCE_S = 60
SOON_S = 0.2

# A worker that lives until it is ended.
WAIT = "while :; do tail -f /dev/null; done"


class Told:
    """Notes what is told; a test can wait for their number."""

    def __init__(self):
        self.told = []
        self._came = asyncio.Event()

    def __call__(self, *what):
        self.told.append(what)
        self._came.set()

    async def wait(self, count=1):
        """Return what was told, once there is so much."""
        async with asyncio.timeout(PATIENCE_S):
            while len(self.told) < count:
                self._came.clear()
                await self._came.wait()
        return self.told


class Side:
    """A manager's side of the link: its host, and what that tells."""

    def __init__(self, address):
        self._context = zmq.Context()
        # No worker of these tests says hello.
        listener: Any = object()
        self.link = WorkerLinkSocket(self._context, address, listener)
        self.exits, self.standings = Told(), Told()
        self.host = FarHost(self.link, lambda lane, who: ["--incarnation", who, "--link", "none"], self.exits, SOON_S)
        self.link.attach(self._hear)

    def _hear(self, standing):
        self.host.hear_standing(standing)
        self.standings(standing)

    async def is_there(self):
        """Wait for the next standing of a launcher."""
        await self.standings.wait(len(self.standings.told) + 1)

    async def runs(self, incarnation):
        """Wait until the launcher has this worker; return its process id."""
        while self.standings.told[-1:] == [] or self.standings.told[-1][0].running != incarnation:
            await self.is_there()
        while (pid := find_worker(incarnation)) is None:
            await self.is_there()
        return pid

    async def close(self):
        """End it, as the death of its manager would."""
        await self.host.close()
        self.link.close()
        await asyncio.to_thread(self._context.term)


class Launching:
    """A launcher in a task, whose workers run a shell script."""

    def __init__(self, address, state, script):
        self.stop, self.ready = asyncio.Event(), asyncio.Event()
        place = FarPlace(address, state)
        launcher = FarLauncher("b", place, lambda options: ["/bin/sh", "-c", script, "worker", *options])
        self.task = asyncio.create_task(launcher.serve(self.stop, self.ready.set))

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
async def make_side(tmp_path):
    """Make sides of managers at one address; all are closed with the test."""
    made = []
    addresses = ["tcp://127.0.0.1:0"]

    async def make():
        for side in made:
            await side.close()
        made[:] = [Side(addresses[-1])]
        addresses.append(made[0].link.address)
        return made[0]

    yield make
    for side in made:
        await side.close()


@pytest.fixture
async def side(make_side):
    """The side of a manager."""
    return await make_side()


@pytest.fixture
async def launch(side, tmp_path):
    """Start launchers that connect to the manager; all are ended with the test."""
    made = []

    async def launch(script=WAIT):
        made.append(Launching(side.link.address, tmp_path / "state", script))
        await side.is_there()
        return made[-1]

    yield launch
    for launching in made:
        if not launching.task.done():
            await launching.end()


@pytest.fixture
def incarnation():
    """The incarnation of a worker, whose process is gone with the test."""
    name = str(uuid.uuid4())
    yield name
    pid = find_worker(name)
    if pid is not None:
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)


@pytest.mark.parametrize(("script", "cause"), [("exit 3", "exit code 3"), ("kill -SEGV $$", "killed by SIGSEGV")])
async def test_an_exit_is_told_with_its_cause(side, launch, script, cause):
    await launch(script)
    side.host.start("b", "w")
    assert await side.exits.wait() == [("b", "w", cause)]


async def test_a_worker_is_told_where_the_manager_is_as_seen_from_its_host(side, launch, tmp_path):
    out = tmp_path / "options"
    await launch(f'echo "$*" > {out}.new; mv {out}.new {out}')
    side.host.start("b", "w")
    await side.exits.wait()
    link, state = side.link.address, tmp_path / "state"
    assert out.read_text().split() == [
        "--incarnation", "w", "--link", "none", "--link", link, "--state-dir", str(state)
    ]  # fmt: skip


def test_a_worker_publishes_documents_at_the_host_of_the_link(tmp_path):
    place = FarPlace("tcp://manager.example.org:60620", tmp_path)
    options = place.options(["--lane", "b", "--documents", "tcp://0.0.0.0:60621"])
    assert options[-2:] == ["--documents", "tcp://manager.example.org:60621"]
    assert "--documents" not in place.options(["--lane", "b"])


async def test_without_its_launcher_no_worker_can_be_started(side):
    side.host.start("b", "w")
    [(_, _, cause)] = await side.exits.wait()
    assert "start its service on its host" in cause


async def test_a_worker_that_is_killed_leaves_the_launcher_waiting_for_the_next(side, launch, incarnation):
    await launch()
    side.host.start("b", incarnation)
    await side.runs(incarnation)
    side.host.start("b", "second")
    assert incarnation in (await side.exits.wait())[0][2]
    side.host.kill("b", incarnation)
    assert (await side.exits.wait(2))[1] == ("b", incarnation, "killed by SIGKILL")
    side.host.start("b", "next")
    await side.runs("next")
    side.host.kill("b", "next")
    await side.exits.wait(3)


async def test_the_end_of_the_manager_touches_neither_worker_nor_launcher(make_side, side, launch, incarnation):
    await launch()
    side.host.start("b", incarnation)
    pid = await side.runs(incarnation)
    second = await make_side()
    assert second.host.adopt("b", incarnation) is True
    assert await second.runs(incarnation) == pid
    os.kill(pid, signal.SIGSEGV)
    assert await second.exits.wait() == [("b", incarnation, "killed by SIGSEGV")]


async def test_how_a_worker_ended_is_known_although_the_manager_was_away(make_side, side, launch, incarnation):
    await launch()
    side.host.start("b", incarnation)
    pid = await side.runs(incarnation)
    second = await make_side()
    os.kill(pid, signal.SIGSEGV)
    second.host.adopt("b", incarnation)
    second.host.adopt("b", "never seen")
    told = {who: cause for _, who, cause in await second.exits.wait(2)}
    assert told == {incarnation: "killed by SIGSEGV", "never seen": "it was gone already"}


async def test_the_next_launcher_takes_over_a_worker_that_lives(side, launch, incarnation):
    first = await launch()
    side.host.start("b", incarnation)
    pid = await side.runs(incarnation)
    await first.lose()
    assert side.exits.told == []
    await launch()
    assert await side.runs(incarnation) == pid
    os.killpg(pid, signal.SIGKILL)
    assert (await side.exits.wait())[0][:2] == ("b", incarnation)


async def test_the_end_of_the_service_is_the_end_of_the_worker(side, launch, incarnation):
    launching = await launch()
    side.host.start("b", incarnation)
    await side.runs(incarnation)
    await launching.end()
    assert await side.exits.wait() == [("b", incarnation, "killed by SIGTERM")]


async def test_a_worker_that_nobody_can_reach_counts_as_gone_and_is_said_to_live_perhaps(side, launch, incarnation):
    launching = await launch()
    side.host.start("b", incarnation)
    await side.runs(incarnation)
    await launching.lose()
    side.host.kill("b", incarnation)
    [(_, who, cause)] = await side.exits.wait()
    assert (who, "may still run on its host" in cause) == (incarnation, True)


@pytest.mark.parametrize("order", [OpenWorker(incarnation="w", options=["--lane", "b"]), WatchWorker(incarnation="w")])
def test_an_order_comes_as_it_was_sent(order):
    assert unpack_order(pack_order(order)) == order


@pytest.mark.parametrize("frame", [b"", b"\x80", b"\x81\xa4kind\xa4open", b"{}"])
def test_what_is_no_order_is_refused(frame):
    with pytest.raises(EnvelopeError):
        unpack_order(frame)


def place_of(*words):
    return find_place(read_options(["--lane", "b", *map(str, words)]))


def test_a_launcher_needs_a_place_for_reports_and_both_keys_or_none(tmp_path):
    link = ("--link", "tcp://127.0.0.1:1")
    assert place_of("--socket", "/run/b.launcher") is None
    assert place_of(*link, "--state-dir", tmp_path) == FarPlace("tcp://127.0.0.1:1", tmp_path)
    with pytest.raises(ParameterError, match="--state-dir"):
        place_of(*link)
    with pytest.raises(ParameterError, match="belong together"):
        place_of(*link, "--state-dir", tmp_path, "--secret-key-file", tmp_path / "secret")
    with pytest.raises(ParameterError, match="cannot be read"):
        place_of(*link, "--state-dir", tmp_path, "--secret-key-file", "/none", "--manager-key-file", "/none")
