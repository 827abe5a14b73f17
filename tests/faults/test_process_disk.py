"""D6: the disk fails to sync once. D8: the disk is full."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from queue_server.storage.ballast import FILE as BALLAST
from queue_server.storage.ballast import SIZE_BYTES
from tests.processes.lone import Manager
from tests.processes.requester import ManagerGoneError
from tests.processes.system import copy_startup
from tests.processes.waiting import wait_until

MOTORS = Path(__file__).parents[1] / "processes" / "motors"
STOP_LIMITS: dict[str, Any] = {"estop_devices_s": 0.5, "estop_halt_s": 1.0, "estop_kill_s": 4.0}
MOST_END_S = 1.0
MOST_REFUSAL_S = 0.1
MOST_RESUME_S = 5.0
# Room for the ballast, for the database, and for little more.
DISK_BYTES = 40 * 1024 * 1024
# Asked for is less; a busy machine may take longer.
PATIENCE = 20


@pytest.fixture
def startup(directory):
    return copy_startup(directory / "startup")


class FaultyManager(Manager):
    """A manager whose disk obeys a file."""

    def _program(self):
        return ["tests.faults.faulty_manager", str(self.order), str(self.syncs)]

    @property
    def order(self):
        """What the disk does."""
        return self.data.with_name("order")

    @property
    def syncs(self):
        """What the disk was asked to sync."""
        return self.data.with_name("syncs")


def _known(ask):
    """Open the environment once, so that plans are known, and close it."""
    ask.open()
    ask.do("environment_close")
    ask.wait_for(lambda status: status["worker_environment_state"] == "closed", "closed environment")


# --- D6 ----------------------------------------------------------------------------------------------------------


@pytest.mark.fault("D6")
def test_after_a_failed_sync_nothing_is_acknowledged_and_a_restart_loses_nothing(directory, startup, figure):
    manager = FaultyManager(directory / "data", startup=str(startup))
    ask = manager.must_be_ready().requester
    _known(ask)
    confirmed = [ask.add("quick", label=str(number)) for number in range(20)]
    manager.order.write_text("fsync")
    began = time.monotonic()
    acknowledged_after = 0
    item = {"item_type": "plan", "name": "quick", "args": [], "kwargs": {"label": "late"}}
    try:
        while manager.is_alive:
            reply = ask.ask("queue_item_add", item=item, user="Somebody", user_group="primary")
            acknowledged_after += bool(reply["success"])
            assert reply["success"] or reply["error"]["code"] in ("storage", "shutting_down"), reply
    except ManagerGoneError:
        pass
    code = manager.end()
    took_s = time.monotonic() - began
    tried = [line.split() for line in manager.syncs.read_text().splitlines()]
    failed = [number for number, line in enumerate(tried) if line[2] == "failed"]
    after = [line for line in tried[failed[0] + 1 :] if line[1].startswith("queue.sqlite")]
    assert code > 0
    assert (acknowledged_after, len(failed), after) == (0, 1, [])
    again = Manager(directory / "data", startup=str(startup)).must_be_ready()
    found = [each["item_uid"] for each in again.requester.queue()]
    again.kill()
    assert found[: len(confirmed)] == confirmed
    assert len(found) <= len(confirmed) + 1
    figure("acknowledged after the error; syncs of the store after it; lost", "0; 0; 0", "0; 0; 0")
    figure("end of the manager after the error, s", f"{MOST_END_S:g}", f"{took_s:.2f}")
    assert took_s <= MOST_END_S * PATIENCE


# --- D8 ----------------------------------------------------------------------------------------------------------


@contextmanager
def _small_disk():
    """Mount a small file system in memory, or skip where that is not allowed."""
    place = Path(tempfile.mkdtemp(prefix="cuelight-disk-"))
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=700", "none", str(place)],
        check=False,
        stderr=subprocess.DEVNULL,
    )
    if mounted.returncode:
        place.rmdir()
        pytest.skip("a file system cannot be mounted here")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)
        place.rmdir()


def _fill(place, name="filler"):
    """Take all the room there is; return the file that does."""
    filler = place / name
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(65536))
        except OSError:
            pass
        try:
            while True:
                file.write(bytes(512))
        except OSError:
            pass
    return filler


def _large_item(number):
    return {"item_type": "plan", "name": "quick", "args": [], "kwargs": {"label": f"{number}" + "x" * 100_000}}


class _Full:
    """A manager with a running plan, on a small disk that something else has filled."""

    def __init__(self, disk, startup, gate):
        self.disk = disk
        self.manager = Manager(disk / "data", startup=str(startup)).must_be_ready()
        assert self.ballast_bytes >= SIZE_BYTES
        ask = self.ask = self.manager.requester
        ask.open()
        self.running = ask.add("hold", str(gate))
        self.confirmed = [ask.add("quick", label=str(number)) for number in range(5)]
        ask.do("queue_start")
        ask.wait_for_runs()
        self.filler = _fill(disk)

    @property
    def ballast_bytes(self):
        return (self.disk / "data" / BALLAST).stat().st_size

    def add(self, number=0):
        """Add a large item; return the reply."""
        reply = self.ask.ask("queue_item_add", item=_large_item(number), user="Somebody", user_group="primary")
        if reply["success"]:
            self.confirmed.append(reply["item"]["item_uid"])
        return reply

    def add_until_refused(self):
        """Adds go on in the room that files have already; the first that needs more is refused."""
        assert any(not self.add(number)["success"] for number in range(400)), "the disk was never full"

    def time_refusals(self, count):
        """Return how long each refusal took, in seconds."""
        took = []
        for number in range(count):
            began = time.monotonic()
            refused = self.add(number)
            took.append(time.monotonic() - began)
            assert refused["error"]["code"] == "storage_full", refused
            assert "free some" in refused["msg"]
        return took

    def end_work(self):
        """What ends and what frees is done out of the room that was kept."""
        self.ask.do("queue_stop")
        self.ask.do("queue_item_remove", uid=self.confirmed.pop())
        self.ask.do("re_pause", option="immediate")
        self.ask.wait_for_state("paused")
        self.ask.do("re_stop")
        self.ask.wait_for(lambda status: status["manager_state"] == "idle", "end of the plan")

    def resume(self):
        """Free the disk; return after how many seconds changes are made again."""
        self.filler.unlink()
        began = time.monotonic()
        while not (reply := self.add())["success"]:
            assert time.monotonic() - began < MOST_RESUME_S * PATIENCE, reply
        return time.monotonic() - began

    def close(self):
        """Return queue and history, and end everything."""
        told = [[item["item_uid"] for item in items] for items in (self.ask.queue(), self.ask.history())]
        self.ask.do("environment_destroy")
        self.ask.wait_for(lambda status: status["worker_environment_state"] == "closed", "closed environment")
        self.manager.kill()
        return told


@pytest.mark.fault("D8")
def test_a_full_disk_refuses_what_takes_room_and_goes_on_when_there_is_some(directory, startup, figure):
    with _small_disk() as disk:
        full = _Full(disk, startup, directory / "gate")
        full.add_until_refused()
        refusals = full.time_refusals(20)
        full.end_work()
        resumed_s = full.resume()
        assert full.ballast_bytes >= SIZE_BYTES
        assert full.manager.is_alive
        queue, history = full.close()
    assert queue == full.confirmed
    assert history == [full.running]
    figure("refusal storage_full, slowest of 20, ms", "100", f"{max(refusals) * 1000:.0f}")
    figure("changes again after room was made, s", "5", f"{resumed_s:.2f}")
    figure("acknowledged and lost; restarts", "0; 0", "0; 0")
    assert max(refusals) <= MOST_REFUSAL_S * PATIENCE


# --- an emergency stop on a full disk ----------------------------------------------------------------------------


def _move(ask, startup):
    """Let a motor move; return the item."""
    ask.open()
    uid = ask.add("move")
    ask.do("queue_autostart", enable=True)
    ask.wait_for_runs()
    wait_until(lambda: _position(startup) > 0.05, "moving motor")
    return uid


def _position(startup):
    file = startup / "position-motor"
    return float(file.read_text() or "0") if file.exists() else 0.0


def _fill_until_nothing_fits(ask, disk):
    """Take the room that was kept as well, and what the files of the store still have: nothing can be committed."""
    fillers = [_fill(disk)]
    refused = 0
    while refused < 3:
        reply = ask.ask("queue_mode_set", mode={"loop": False})
        refused = 0 if reply["success"] else refused + 1
        item = _large_item(0)
        ask.ask("queue_item_add", item=item, user="Somebody", user_group="primary")
        fillers.append(_fill(disk, f"filler{len(fillers)}"))
    return fillers


def _stop_everything(ask, startup):
    """Stop while nothing can be committed; return how long the answer took, in seconds."""
    began = time.monotonic()
    reply = ask.do("estop", reason="smoke", user="jdoe")
    took_s = time.monotonic() - began
    [lane] = reply["lanes"]
    assert lane["answer"] == "reported"
    assert "motor" in lane["stopped"]
    assert reply["recorded"] is False
    status = ask.wait_for(lambda status: status["lanes"][0]["condition"] == "estopped", "latched lane")
    assert status["queue_autostart_enabled"] is False
    position = _position(startup)
    ask.be_refused("queue_start")
    # Stopped again by many: what waits for the store is bounded.
    for number in range(100):
        ask.ask("estop", reason="fire", user=f"person {number}")
    # That the plan has come to rest cannot be committed, so that its worker may be killed at the deadline.
    time.sleep(STOP_LIMITS["estop_kill_s"])
    assert _position(startup) == position
    return took_s


def _check_record(ask, uid, seq):
    """What happened while nothing could be written is written."""
    ask.wait_for(lambda status: status["items_in_history"] == 1, "the record of the end")
    events = ask.do("events_get", since=seq, limit=1000)["events"]
    order = next(event for event in events if event["kind"] == "estop")
    assert (order["origin"]["user"], order["data"]["reason"]) == ("jdoe", "smoke")
    [entry] = ask.history()
    assert entry["item_uid"] == uid
    assert entry["result"]["exit_status"] in ("aborted", "halted")


def _end(manager):
    """End a manager and its worker, if there is one."""
    ask = manager.requester
    if ask.status()["worker_environment_exists"]:
        ask.do("environment_destroy")
    ask.wait_for(lambda status: status["worker_environment_state"] == "closed", "closed environment")
    manager.kill()


@pytest.mark.night
@pytest.mark.fault("D8")
def test_an_emergency_stop_on_a_full_disk_stops_everything_and_is_recorded_when_there_is_room(directory, figure):
    startup = directory / "startup"
    shutil.copytree(MOTORS, startup)
    with _small_disk() as disk:
        manager = Manager(disk / "data", startup=str(startup), **STOP_LIMITS)
        ask = manager.must_be_ready().requester
        uid = _move(ask, startup)
        seq = ask.do("events_get", limit=1)["last_seq"]
        fillers = _fill_until_nothing_fits(ask, disk)
        took_s = _stop_everything(ask, startup)
        assert manager.is_alive
        for filler in fillers:
            filler.unlink()
        _check_record(ask, uid, seq)
        manager.kill()
        again = Manager(disk / "data", startup=str(startup), **STOP_LIMITS).must_be_ready()
        [lane] = again.requester.status()["lanes"]
        assert (lane["condition"], lane["reason"]) == ("estopped", "smoke")
        _end(again)
    figure("emergency stop where nothing can be written: answered after, s", "1.5", f"{took_s:.2f}")
