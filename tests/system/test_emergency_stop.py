"""An emergency stop with real processes: what moves stops at once, and nothing moves again before the reset."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from queue_server.process import living_workers
from tests.processes.waiting import wait_until

MOTORS = Path(__file__).parents[1] / "processes" / "motors"
# What is promised stands in the figure; a machine that does other things may be late.
STOPPED_WITHIN_S = 10.0
USER = {"user": "Somebody", "user_group": "primary"}


@pytest.fixture
def startup(tmp_path):
    """A directory with slow devices."""
    target = tmp_path / "startup"
    shutil.copytree(MOTORS, target)
    return target


@pytest.fixture
def motors(startup):
    """What has happened to the devices."""
    return Motors(startup)


@pytest.fixture
def system(make_system, startup):
    """A system with slow devices and short deadlines."""
    return make_system(startup=startup, estop_devices_s=0.5, estop_halt_s=1.0, estop_kill_s=2.5).start()


class Motors:
    """The journal and the positions that the startup code writes."""

    def __init__(self, directory):
        self._directory = directory

    def notes(self, what, device=None):
        """Return the notes of a kind, in order."""
        file = self._directory / "journal"
        lines = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        return [line for line in lines if line["what"] == what and device in (None, line["device"])]

    def wait_for(self, what, device):
        """Wait until something has happened to a device."""
        wait_until(lambda: self.notes(what, device), f"{what} of {device}")

    def position(self, device="motor"):
        """Return where a device is; None before it moves."""
        file = self._directory / f"position-{device}"
        return float(file.read_text() or "nan") if file.exists() else None

    def wait_moving(self):
        """Wait until the motor moves."""
        wait_until(lambda: (self.position() or 0) > 0.05, "moving motor")

    def stays(self):
        """Return the position of the motor, after seeing that it stays."""
        before = self.position()
        time.sleep(0.5)
        assert self.position() == before
        return before


def start(ask, plan, *args):
    """Open the environment and start a plan."""
    ask.open()
    uid = ask.add(plan, *args)
    ask.do("queue_start")
    return uid


def stop(ask, **params):
    """Stop everything; return the reply of the lane and the time of the request."""
    at = time.monotonic()
    reply = ask.do("estop", reason="smoke", **params)
    return reply["lanes"][0], reply["recorded"], at


def wait_at_rest(ask, seconds=10.0):
    """Wait until the emergency stop is through; return the status."""
    return ask.wait_for(lambda status: status["manager_state"] == "idle", "rest", seconds)


def assert_all_are_told_of(lane):
    """Check that each device is where it belongs in the reply."""
    assert lane["answer"] == "reported"
    assert {"motor", "other", "async_motor", "table.upper", "table.lower"} <= set(lane["stopped"])
    assert lane["failed"] == [{"device": "broken", "reason": "stop() failed: the controller does not answer"}]
    missed = {entry["device"]: entry["reason"] for entry in lane["not_reached"]}
    assert missed == {"shutter": "it has no stop()", "stuck": "its stop() has not returned in time"}


def test_a_plan_that_moves_a_motor_is_stopped_and_nothing_moves_again_before_the_reset(system, motors, figure):
    ask = system.requester
    uid = start(ask, "move")
    ask.do("queue_autostart", enable=True)
    motors.wait_moving()
    lane, recorded, at = stop(ask, user="jdoe")
    assert_all_are_told_of(lane)
    stopped_s = motors.notes("stop", "motor")[0]["at"] - at
    figure("request of an emergency stop to stop() of the motor, s", "0.05", f"{stopped_s:.4f}")
    assert 0 < stopped_s < STOPPED_WITHIN_S
    assert recorded
    status = wait_at_rest(ask)
    # The clean-up of the plan wants to move the motor back, and does not.
    position = motors.stays()
    assert position > 0
    assert len(motors.notes("set", "motor")) == 1
    shown = status["lanes"][0]
    assert (shown["condition"], shown["reason"], shown["estop_by"]) == ("estopped", "smoke", "jdoe")
    assert status["queue_autostart_enabled"] is False
    [entry] = ask.history()
    assert (entry["item_uid"], entry["result"]["exit_status"]) == (uid, "aborted")
    assert "smoke" in entry["result"]["msg"]
    [copy] = ask.queue()
    [order] = [event for event in ask.do("events_get", limit=1000)["events"] if event["kind"] == "estop"]
    assert (order["origin"]["user"], order["data"]["reason"]) == ("jdoe", "smoke")

    assert_nothing_starts(ask)
    assert motors.stays() == position
    ask.do("queue_item_remove", uid=copy["item_uid"])
    ask.do("queue_start")
    ask.wait_for(lambda status: status["items_in_history"] == 2, "the next plan")
    assert [entry["result"]["exit_status"] for entry in ask.history()] == ["aborted", "completed"]


def assert_nothing_starts(ask):
    """Try everything that could start something in a latched lane, then reset it."""
    ask.add("quick")
    for method, params in {
        "queue_start": {},
        "queue_autostart": {"enable": True},
        "queue_item_execute": {"item": {"item_type": "plan", "name": "quick"}, **USER},
        "function_execute": {"item": {"item_type": "function", "name": "work"}, **USER},
    }.items():
        assert "estop_reset" in ask.be_refused(method, **params), method
    assert ask.do("estop_reset", user="jdoe")["released"] == ["default"]
    assert ask.do("estop_reset")["released"] == []
    assert wait_at_rest(ask)["lanes"][0]["condition"] == "open"


@pytest.mark.night
def test_a_device_of_ophyd_async_is_stopped_on_its_event_loop(system, motors):
    ask = system.requester
    start(ask, "move_async")
    ask.wait_for_state("executing_queue")
    lane, _, _ = stop(ask)
    assert "async_motor" in lane["stopped"]
    wait_at_rest(ask)
    assert motors.notes("stop", "async_motor")


def test_a_plan_that_blocks_is_killed_by_the_deadline_and_its_motor_was_stopped_long_before(system, motors):
    ask = system.requester
    start(ask, "block")
    motors.wait_for("blocked", "plan")
    lane, _, at = stop(ask)
    stopped_s = motors.notes("stop", "motor")[0]["at"] - at
    motors.stays()
    missed = {entry["device"]: entry["reason"] for entry in lane["not_reached"]}
    assert "event loop" in missed["async_motor"]
    status = ask.wait_for(lambda status: status["worker_environment_state"] == "closed", "killed worker")
    killed_s = time.monotonic() - at
    assert max(2.0, stopped_s) < killed_s
    assert status["lanes"][0]["condition"] == "estopped"
    [entry] = ask.history()
    assert entry["result"]["exit_status"] == "failed"
    assert "emergency stop" in entry["result"]["msg"]
    assert "estop_reset" in ask.be_refused("environment_open")
    ask.do("estop_reset")
    ask.open()


@pytest.mark.night
def test_a_plan_that_takes_long_to_clean_up_is_halted(system, motors):
    ask = system.requester
    start(ask, "linger")
    motors.wait_moving()
    at = time.monotonic()
    stop(ask)
    wait_at_rest(ask)
    assert time.monotonic() - at > 0.9
    [entry] = ask.history()
    assert entry["result"]["exit_status"] == "halted"
    assert ask.status()["worker_environment_state"] == "idle"


@pytest.mark.night
def test_a_function_that_does_not_end_is_killed_with_its_worker(system, motors):
    ask = system.requester
    ask.open()
    ask.do("function_execute", item={"item_type": "function", "name": "work"}, **USER)
    motors.wait_for("blocked", "function")
    stop(ask)
    motors.stays()
    status = ask.wait_for(lambda status: status["worker_environment_state"] == "closed", "killed worker")
    assert status["lanes"][0]["condition"] == "estopped"


def test_without_an_environment_the_lane_is_latched_all_the_same(system):
    ask = system.requester
    lane, _, _ = stop(ask)
    assert (lane["answer"], lane["stopped"], lane["not_reached"]) == ("none", [], [])
    assert "No environment" in lane["note"]
    assert "smoke" in ask.be_refused("environment_open")


@pytest.mark.night
def test_a_lock_of_somebody_else_keeps_nobody_from_stopping(system, motors):
    ask = system.requester
    start(ask, "move")
    ask.do("lock", lock_key="secret", user="Somebody else", environment=True, queue=True)
    motors.wait_moving()
    lane, _, _ = stop(ask)
    assert "motor" in lane["stopped"]
    wait_at_rest(ask)
    assert "lock" in ask.be_refused("estop_reset").lower()
    ask.do("estop_reset", lock_key="secret")


@pytest.mark.night
def test_a_second_stop_while_latched_succeeds_and_stops_again(system, motors):
    ask = system.requester
    start(ask, "move")
    motors.wait_moving()
    stop(ask, user="first")
    lane, _, _ = stop(ask, user="second")
    assert lane["answer"] == "reported"
    assert len(motors.notes("stop", "other")) == 2
    shown = wait_at_rest(ask)["lanes"][0]
    assert shown["estop_by"] == "first"
    assert len(ask.history()) == 1


def test_a_worker_that_cannot_answer_is_shown_as_silent_and_killed(system, motors):
    ask = system.requester
    ask.open()
    os.kill(system.worker_pid, signal.SIGSTOP)
    lane, _, _ = stop(ask)
    assert lane["answer"] == "silent"
    status = ask.wait_for(lambda status: status["worker_environment_state"] == "closed", "killed worker")
    assert status["lanes"][0]["condition"] == "estopped"


def test_a_worker_that_is_loading_is_killed_at_once(make_system, startup):
    (startup / "01-slow.py").write_text("import time\ntime.sleep(60)\n")
    system = make_system(startup=startup).start()
    ask = system.requester
    ask.do("environment_open")
    wait_until(lambda: living_workers(system.data / "workers"), "worker")
    lane, _, _ = stop(ask)
    assert lane["answer"] == "killed"
    ask.wait_for(lambda status: status["worker_environment_state"] == "closed", "killed worker")
    assert ask.do("estop_reset")["released"] == ["default"]


@pytest.mark.night
def test_a_manager_that_is_killed_right_after_it_is_latched_when_it_is_back(system, motors):
    ask = system.requester
    start(ask, "move")
    motors.wait_moving()
    _, recorded, _ = stop(ask, user="jdoe")
    assert recorded
    system.kill_manager()
    system.wait_ready(2)
    shown = wait_at_rest(ask)["lanes"][0]
    assert (shown["condition"], shown["reason"], shown["estop_by"]) == ("estopped", "smoke", "jdoe")
    assert "estop_reset" in ask.be_refused("queue_start")
    motors.stays()
    ask.do("estop_reset")
    assert ask.status()["lanes"][0]["condition"] == "open"


def test_a_manager_that_dies_during_the_stop_sees_it_through_when_it_is_back(system, motors):
    ask = system.requester
    start(ask, "block")
    motors.wait_for("blocked", "plan")
    stop(ask)
    system.kill_manager()
    system.wait_ready(2)
    status = ask.wait_for(lambda status: status["worker_environment_state"] == "closed", "killed worker")
    assert status["lanes"][0]["condition"] == "estopped"
    assert ask.history()[0]["result"]["exit_status"] == "failed"
