"""Worker processes: their exits are seen with their causes, they can be killed at any time, and adopted."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import signal
import subprocess
import sys
import threading
import uuid

import pytest

from queue_server.workers.host import LocalHost

# Starts a process that waits for ever, not as a child of the test, and tells its process id.
# The command line of a process stands in /proc only once its program runs, which is a moment after its start.
FOSTER_PARENT = """
import subprocess, sys
quiet = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
program = "import signal; print('runs', flush=True); signal.pause()"
child = subprocess.Popen([sys.executable, "-c", program, "--incarnation", sys.argv[1]], start_new_session=True, **quiet)
child.stdout.readline()
print(child.pid)
"""


class Exits:
    """Notes exits; a test can wait for their number."""

    def __init__(self):
        self.told = []
        self._came = asyncio.Event()

    def __call__(self, lane, incarnation, cause):
        self.told.append((lane, incarnation, cause))
        self._came.set()

    async def wait(self, count=1):
        """Return the exits, once there are so many."""
        async with asyncio.timeout(60):
            while len(self.told) < count:
                self._came.clear()
                await self._came.wait()
        return self.told


class Launcher:
    """Starts shell commands as workers, in sessions of their own; knows every process that it has started."""

    def __init__(self, script):
        self.script = script
        self.children = {}
        self.may_start = threading.Event()
        self.may_start.set()
        self.began = threading.Event()

    def __call__(self, lane, incarnation):
        self.began.set()
        assert self.may_start.wait(5)
        child = subprocess.Popen(
            ["/bin/sh", "-c", self.script, "worker", "--incarnation", incarnation],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self.children[incarnation] = child
        return child

    def close(self):
        """End what is left."""
        for child in self.children.values():
            if child.stdin and child.stdout:
                child.stdin.close()
                child.stdout.close()
            with passing_over_the_gone():
                os.killpg(child.pid, signal.SIGKILL)
            with passing_over_the_gone():
                os.waitpid(child.pid, 0)


def passing_over_the_gone():
    """Pass over processes that are gone already."""
    return contextlib.suppress(ProcessLookupError, ChildProcessError)


@pytest.fixture
async def exits():
    return Exits()


@pytest.fixture
async def make_host(exits):
    """Make hosts whose workers run a shell script; hosts and workers end with the test."""
    made = []

    def make(script):
        launcher = Launcher(script)
        host = LocalHost(launcher, exits)
        made.append((host, launcher))
        return host, launcher

    yield make
    for host, launcher in made:
        launcher.may_start.set()
        await host.close()
        launcher.close()


def is_gone(pid, within_s=5.0):
    """Wait for the end of any process."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], within_s)[0])
    finally:
        os.close(handle)


async def started(launcher, incarnation):
    """Wait until a worker says that it runs; return what it says."""
    async with asyncio.timeout(60):
        await asyncio.to_thread(launcher.began.wait, 5)
        while incarnation not in launcher.children:
            await asyncio.to_thread(launcher.began.wait, 5)
        return await asyncio.to_thread(launcher.children[incarnation].stdout.readline)


# --- exits ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "cause"),
    [
        ("exit 0", "exit code 0"),
        ("exit 3", "exit code 3"),
        ("kill -SEGV $$", "killed by SIGSEGV"),
        ("kill -KILL $$", "killed by SIGKILL"),
        ("kill -35 $$", "killed by signal 35"),
    ],
)
async def test_an_exit_is_seen_with_its_cause(make_host, exits, script, cause):
    host, _ = make_host(script)
    host.start("default", "w")
    assert await exits.wait() == [("default", "w", cause)]


async def test_every_exit_is_told_once_and_for_its_own_worker(make_host, exits):
    host, _ = make_host("exit 1")
    for number in range(3):
        host.start(f"lane-{number}", f"w-{number}")
    told = await exits.wait(3)
    assert sorted(told) == [(f"lane-{number}", f"w-{number}", "exit code 1") for number in range(3)]


async def test_a_worker_that_cannot_be_started_is_told_as_its_exit(exits):
    def launch(lane, incarnation):
        raise OSError(11, "no more processes")

    host = LocalHost(launch, exits)
    host.start("default", "w")
    [(lane, incarnation, cause)] = await exits.wait()
    assert (lane, incarnation) == ("default", "w")
    assert "could not be started" in cause
    assert "no more processes" in cause
    await host.close()


async def test_starting_does_not_hold_the_loop_up(make_host, exits):
    host, launcher = make_host("exit 0")
    launcher.may_start.clear()
    host.start("default", "w")
    await asyncio.to_thread(launcher.began.wait, 5)
    assert exits.told == []
    launcher.may_start.set()
    await exits.wait()


# --- kill -----------------------------------------------------------------------------------------------------------


async def test_a_worker_is_killed_with_everything_in_its_session(make_host, exits):
    host, launcher = make_host("sleep 60 & echo $!; wait")
    host.start("default", "w")
    grandchild = int(await started(launcher, "w"))
    host.kill("default", "w")
    assert await exits.wait() == [("default", "w", "killed by SIGKILL")]
    assert await asyncio.to_thread(is_gone, grandchild)


async def test_a_worker_that_is_still_starting_is_killed_as_soon_as_it_runs(make_host, exits):
    host, launcher = make_host("read line")
    launcher.may_start.clear()
    host.start("default", "w")
    await asyncio.to_thread(launcher.began.wait, 5)
    host.kill("default", "w")
    launcher.may_start.set()
    assert await exits.wait() == [("default", "w", "killed by SIGKILL")]


async def test_a_worker_that_is_gone_already_is_told_as_gone(make_host, exits):
    host, _ = make_host("exit 0")
    incarnation = str(uuid.uuid4())
    host.kill("default", incarnation)
    assert exits.told == [("default", incarnation, "it was gone already")]


async def test_killing_twice_is_one_exit(make_host, exits):
    host, launcher = make_host("echo up; read line")
    host.start("default", "w")
    await started(launcher, "w")
    host.kill("default", "w")
    host.kill("default", "w")
    assert await exits.wait() == [("default", "w", "killed by SIGKILL")]


# --- workers that outlive the manager -------------------------------------------------------------------------------


async def test_workers_live_on_when_the_host_ends_and_their_exits_are_not_told(make_host, exits):
    host, launcher = make_host("echo up; read line")
    host.start("default", "w")
    await started(launcher, "w")
    await host.close()
    child = launcher.children["w"]
    os.kill(child.pid, 0)
    os.killpg(child.pid, signal.SIGKILL)
    assert await asyncio.to_thread(is_gone, child.pid)
    assert exits.told == []


async def test_a_host_that_ends_waits_for_the_worker_that_it_is_starting(make_host, exits):
    host, launcher = make_host("read line")
    launcher.may_start.clear()
    host.start("default", "w")
    await asyncio.to_thread(launcher.began.wait, 5)
    closing = asyncio.ensure_future(host.close())
    await asyncio.wait([closing], timeout=0)
    assert not closing.done()
    launcher.may_start.set()
    await closing
    os.kill(launcher.children["w"].pid, 0)
    assert exits.told == []


@pytest.fixture
async def orphan():
    """A worker that another process has started: its incarnation and its process id."""
    incarnation = str(uuid.uuid4())
    command = [sys.executable, "-c", FOSTER_PARENT, incarnation]
    answer = await asyncio.to_thread(subprocess.run, command, capture_output=True, check=True)
    pid = int(answer.stdout)
    yield incarnation, pid
    with passing_over_the_gone():
        os.kill(pid, signal.SIGKILL)


async def test_a_worker_of_an_earlier_manager_is_adopted_and_its_exit_is_seen(make_host, exits, orphan):
    incarnation, pid = orphan
    host, _ = make_host("exit 0")
    assert host.adopt("default", incarnation) is True
    os.kill(pid, signal.SIGKILL)
    [(lane, told, cause)] = await exits.wait()
    assert (lane, told) == ("default", incarnation)
    assert "earlier manager" in cause


async def test_a_worker_of_an_earlier_manager_can_be_killed_without_being_adopted_first(make_host, exits, orphan):
    incarnation, pid = orphan
    host, _ = make_host("exit 0")
    host.kill("default", incarnation)
    await exits.wait()
    assert await asyncio.to_thread(is_gone, pid)


async def test_a_worker_that_is_gone_cannot_be_adopted(make_host, exits):
    host, _ = make_host("exit 0")
    assert host.adopt("default", str(uuid.uuid4())) is False
    assert exits.told == []


async def test_a_worker_for_which_there_is_no_thread_is_told_as_its_exit(exits):
    def launch(lane, incarnation):
        raise RuntimeError("can't start new thread")

    host = LocalHost(launch, exits)
    host.start("default", "w")
    assert await exits.wait() == [("default", "w", "it could not be started: can't start new thread")]
    await host.close()
