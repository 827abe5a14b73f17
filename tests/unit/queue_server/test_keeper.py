"""A service process is started, watched and restarted; one whose keeper has died is found by its pipe and kept on."""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from queue_server.clock import Chance, SystemClock
from queue_server.keeper import Keeper, Service
from queue_server.process import find_writer

ROOT = Path(__file__).parents[3]
MODULE = "tests.doubles.service_process"
PATIENCE_S = 60

# A keeper in a process of its own, so that it can be killed; it tells the id of the service once that is ready.
KEEP = """
import asyncio, sys
from pathlib import Path
from queue_server.clock import Chance, SystemClock
from queue_server.keeper import Keeper, Service
async def main():
    def tell(addresses):
        print(keeper.pid, flush=True)
    service = Service("service", sys.argv[1], lambda: sys.argv[3], tell, lambda: None, reports=Path(sys.argv[2]))
    keeper = Keeper(service, SystemClock(), Chance())
    await keeper.run()
asyncio.run(main())
"""


class Kept:
    """A keeper in a task, and what it has heard."""

    def __init__(self, settings, **more):
        self.settings = settings
        self.begun = []
        self.ready = []
        self.ends = 0
        self._news = asyncio.Event()
        service = Service("service", MODULE, self._settings, self._see_ready, self._see_end, **more)
        self.keeper = Keeper(service, SystemClock(), Chance.seeded(1))
        self.task: asyncio.Task[int] | None = None

    def run(self):
        """Begin to keep it."""
        self.task = asyncio.create_task(self.keeper.run())
        return self

    async def serves(self, times=1):
        """Wait until a process has become ready for the ``times``-th time; return its id."""
        async with asyncio.timeout(PATIENCE_S):
            while len(self.ready) < times:
                self._news.clear()
                await self._news.wait()
        return self.keeper.pid

    async def has_spare(self):
        """Wait until a process stands by; return its id."""
        assert self.task is not None
        async with asyncio.timeout(PATIENCE_S):
            while (pid := self.keeper.spare_pid) is None:
                await asyncio.wait([self.task], timeout=0.01)
        return pid

    async def ended(self):
        """Return the exit code once there will be no other process."""
        assert self.task is not None
        async with asyncio.timeout(PATIENCE_S):
            return await self.task

    def _settings(self):
        self.begun.append(self.keeper.pid)
        return json.dumps(self.settings(len(self.begun)) if callable(self.settings) else self.settings)

    def _see_ready(self, addresses):
        self.ready.append(dict(addresses))
        self._news.set()

    def _see_end(self):
        self.ends += 1


@pytest.fixture
async def keep(monkeypatch):
    """Keep services that obey their settings; all are ended with the test."""
    monkeypatch.chdir(ROOT)
    made = []

    def keep(settings, **more):
        made.append(Kept(settings, **more))
        return made[-1]

    yield keep
    for kept in made:
        if kept.task is not None and not kept.task.done():
            kept.keeper.ask_to_stop(signal.SIGTERM)
            await kept.ended()


@pytest.fixture
def orphan(tmp_path):
    """Start a service whose keeper is killed then; return its id and its pipe."""
    pids = []

    def start(settings):
        pipe = tmp_path / "reports"
        command = [sys.executable, "-c", KEEP, MODULE, str(pipe), json.dumps(settings)]
        keeper = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert keeper.stdout is not None
        pids.append(int(keeper.stdout.readline()))
        keeper.kill()
        keeper.wait()
        keeper.stdout.close()
        return pids[-1], pipe

    yield start
    for pid in pids:
        end(pid)


def end(pid):
    """Kill a process that need not be a child, and wait for its end."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    signal.pidfd_send_signal(handle, signal.SIGKILL)
    select.select([handle], [], [], PATIENCE_S)
    os.close(handle)


ADDRESSES = {"control": "tcp://127.0.0.1:5"}


# --- start, restart, end --------------------------------------------------------------------------------------------


async def test_a_service_serves_until_it_is_asked_to_stop(keep):
    kept = keep({"ready": ADDRESSES}).run()
    assert await kept.serves() is not None
    kept.keeper.ask_to_stop(signal.SIGTERM)
    assert await kept.ended() == 0
    assert (kept.ready, kept.ends, kept.keeper.pid) == ([ADDRESSES], 1, None)


async def test_a_sign_of_life_before_a_service_is_ready_does_not_say_that_it_is(keep):
    kept = keep({"ready": ADDRESSES, "early": True}).run()
    await kept.serves()
    assert kept.ready == [ADDRESSES]


async def test_a_service_that_dies_is_started_again(keep):
    kept = keep({"ready": ADDRESSES}).run()
    first = await kept.serves()
    end(first)
    assert await kept.serves(2) != first
    assert kept.ends == 1


async def test_a_service_that_dies_again_and_again_after_it_has_served_is_soon_back(keep, caplog):
    deaths = 6
    kept = keep(lambda times: {"ready": ADDRESSES, "ends": 5} if times <= deaths else {"ready": ADDRESSES}).run()
    await kept.serves(deaths + 1)
    pauses = [float(line.split("within ")[1].split(" s")[0]) for line in caplog.messages if "again within" in line]
    assert pauses == [0.1, 0.2, 0.4, 0.5, 0.5, 0.5]


async def test_a_service_that_does_not_stop_in_time_is_killed(keep):
    kept = keep({"ready": ADDRESSES, "deaf": True}, stop_patience_s=0.1).run()
    await kept.serves()
    kept.keeper.ask_to_stop(signal.SIGTERM)
    assert await kept.ended() == -signal.SIGKILL


async def test_a_stop_before_the_first_process_ends_at_once_and_starts_none(keep):
    kept = keep({"ready": ADDRESSES, "deaf": True})
    kept.keeper.ask_to_stop(signal.SIGTERM)
    assert await kept.run().ended() == 0
    assert kept.begun == []


async def test_a_service_that_may_end_by_itself_is_not_started_again(keep):
    kept = keep({"ready": ADDRESSES, "ends": 0}, may_end=True).run()
    assert await kept.ended() == 0
    assert len(kept.begun) == 1


async def test_a_service_that_ends_with_an_error_is_started_again_although_it_may_end(keep):
    kept = keep(lambda times: {"ready": ADDRESSES, "ends": 5} if times == 1 else {"ready": ADDRESSES}, may_end=True)
    kept.run()
    await kept.serves(2)


# --- starts that fail -----------------------------------------------------------------------------------------------


async def test_a_first_start_that_fails_for_good_is_not_repeated(keep, caplog):
    kept = keep({"fails": "the file is damaged"}).run()
    assert await kept.ended() == 3
    assert len(kept.begun) == 1
    assert "could not start: the file is damaged" in caplog.text


async def test_a_first_start_that_time_may_mend_is_repeated(keep):
    def settings(times):
        return {"ready": ADDRESSES} if times > 2 else {"fails": "somebody writes into it", "may_pass": True}

    kept = keep(settings).run()
    await kept.serves()
    assert len(kept.begun) == 3


async def test_a_service_that_has_served_once_is_started_again_whatever_it_fails_with(keep):
    def settings(times):
        return {"fails": "the port is taken"} if 1 < times < 4 else {"ready": ADDRESSES}

    kept = keep(settings).run()
    end(await kept.serves())
    await kept.serves(2)
    assert len(kept.begun) == 4


async def test_a_system_that_cannot_start_processes_is_asked_again(keep, caplog):
    def settings(times):
        if times < 3:
            raise OSError(11, "no more processes")
        return {"ready": ADDRESSES}

    kept = keep(settings).run()
    await kept.serves()
    assert caplog.text.count("no more processes") == 2


async def test_a_place_for_reports_that_cannot_be_used_is_tried_again(keep, tmp_path, caplog):
    taken = tmp_path / "reports"
    taken.touch()

    def settings(times):
        if times == 3:
            taken.unlink()
        return {"ready": ADDRESSES}

    await keep(settings, reports=taken).run().serves()
    assert "is no named pipe" in caplog.text


async def test_failed_starts_keep_no_file_open(keep, tmp_path):
    (tmp_path / "reports").touch()
    kept = keep({"ready": ADDRESSES}, reports=tmp_path / "reports")
    before = len(os.listdir("/proc/self/fd"))
    kept.run()
    async with asyncio.timeout(PATIENCE_S):
        while len(kept.begun) < 3:
            await asyncio.wait([kept.task], timeout=0.01)
    kept.keeper.ask_to_stop(signal.SIGTERM)
    await kept.ended()
    assert len(os.listdir("/proc/self/fd")) == before


# --- a process in reserve -------------------------------------------------------------------------------------------


async def test_the_process_in_reserve_takes_the_place_of_one_that_dies(keep, tmp_path):
    kept = keep({"ready": ADDRESSES}, reports=tmp_path / "reports", spare_after_s=0.0).run()
    pid = await kept.serves()
    for times in range(2, 5):
        spare = await kept.has_spare()
        assert find_writer(tmp_path / "reports") == pid
        end(pid)
        pid = await kept.serves(times)
        assert pid == spare
    assert len(kept.begun) == 4


async def test_the_first_process_in_reserve_is_made_when_it_is_due(keep):
    kept = keep({"ready": ADDRESSES}, spare_after_s=3600.0).run()
    end(await kept.serves())
    assert kept.keeper.spare_pid is None
    pid = await kept.serves(2)
    assert await kept.has_spare() != pid


async def test_without_being_asked_for_there_is_none_in_reserve(keep):
    kept = keep({"ready": ADDRESSES}).run()
    end(await kept.serves())
    await kept.serves(2)
    assert kept.keeper.spare_pid is None


async def test_a_process_in_reserve_that_has_died_is_done_without(keep):
    kept = keep({"ready": ADDRESSES}, spare_after_s=0.0).run()
    first = await kept.serves()
    spare = await kept.has_spare()
    end(spare)
    end(first)
    assert await kept.serves(2) not in (first, spare)


async def test_the_process_in_reserve_ends_with_the_service(keep):
    before = len(os.listdir("/proc/self/fd"))
    kept = keep({"ready": ADDRESSES}, spare_after_s=0.0).run()
    await kept.serves()
    spare = await kept.has_spare()
    kept.keeper.ask_to_stop(signal.SIGTERM)
    assert await kept.ended() == 0
    assert kept.keeper.spare_pid is None
    assert str(spare) not in os.listdir("/proc")
    assert len(os.listdir("/proc/self/fd")) == before


# --- a service whose keeper has died --------------------------------------------------------------------------------


async def test_a_service_without_keeper_is_kept_on(keep, orphan):
    pid, pipe = await asyncio.to_thread(orphan, {"ready": ADDRESSES})
    kept = keep({"ready": ADDRESSES}, reports=pipe)
    assert kept.keeper.adopt() is True
    assert await kept.run().serves() == pid
    assert (kept.begun, kept.ready) == ([], [ADDRESSES])


async def test_a_service_that_was_kept_on_is_started_again_when_it_dies(keep, orphan):
    pid, pipe = await asyncio.to_thread(orphan, {"ready": ADDRESSES})
    kept = keep({"ready": {"control": "other"}}, reports=pipe)
    kept.keeper.adopt()
    await kept.run().serves()
    end(pid)
    assert await kept.serves(2) != pid
    assert kept.ready == [ADDRESSES, {"control": "other"}]


async def test_a_service_that_was_kept_on_is_ended_with_the_others(keep, orphan):
    _, pipe = await asyncio.to_thread(orphan, {"ready": ADDRESSES})
    kept = keep({"ready": ADDRESSES}, reports=pipe)
    kept.keeper.adopt()
    await kept.run().serves()
    kept.keeper.ask_to_stop(signal.SIGTERM)
    assert await kept.ended() == 0
    assert find_writer(pipe) is None


async def test_a_service_that_was_kept_on_and_ends_in_order_is_not_started_again(keep, orphan):
    pid, pipe = await asyncio.to_thread(orphan, {"ready": ADDRESSES})
    kept = keep({"ready": ADDRESSES}, reports=pipe, may_end=True)
    kept.keeper.adopt()
    await kept.run().serves()
    os.kill(pid, signal.SIGTERM)
    assert await kept.ended() == 0
    assert kept.begun == []


async def test_a_service_that_was_kept_on_and_is_killed_is_started_again_although_it_may_end(keep, orphan):
    pid, pipe = await asyncio.to_thread(orphan, {"ready": ADDRESSES})
    kept = keep({"ready": ADDRESSES}, reports=pipe, may_end=True)
    kept.keeper.adopt()
    await kept.run().serves()
    end(pid)
    await kept.serves(2)


async def test_where_nobody_writes_nobody_is_kept_on(keep, tmp_path, orphan):
    assert keep({}, reports=tmp_path / "missing").keeper.adopt() is False
    assert keep({}).keeper.adopt() is False
    pid, pipe = await asyncio.to_thread(orphan, {"ready": ADDRESSES})
    end(pid)
    assert keep({}, reports=pipe).keeper.adopt() is False
