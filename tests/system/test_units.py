"""The processes of the units of systemd, without systemd: a notify socket, a launcher for the lane, and the manager."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from queue_server.process import living_workers
from tests.processes.requester import Requester
from tests.processes.system import ROOT, System, copy_startup, read_journal
from tests.processes.waiting import (
    PATIENCE_S,
    Deadline,
    kill,
    processes_of,
    wait_for_end,
    wait_for_text,
    wait_until,
)

ANY_PORT = "tcp://127.0.0.1:0"
MANAGER = ("queue_server", "--config")
LAUNCHER = ("queue_server.workers.lane_launcher", "--lane", "default", "--socket")


class Unit:
    """A process that is told where systemd listens, and what it tells there."""

    def __init__(self, directory, name, arguments):
        self._name, self._arguments, self._directory = name, arguments, directory
        self.address = str(directory / f"{name}.notify")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.address)
        self.start()

    def start(self):
        """Start it, the first time or again, and wait until it says that it serves; return what it says."""
        with (self._directory / f"{self._name}.log").open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *map(str, self._arguments)],
                cwd=ROOT,
                env={**os.environ, "NOTIFY_SOCKET": self.address, "TEST_DATA_DIRECTORY": str(self._directory)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.ready = self.wait_for("READY=1")
        return self

    def wait_for(self, text, seconds=PATIENCE_S):
        """Return the first message that begins with ``text``."""
        deadline = Deadline(seconds)
        while True:
            self._socket.settimeout(max(0.01, deadline.left_s))
            try:
                message = self._socket.recv(4096).decode()
            except TimeoutError:
                log = (self._directory / f"{self._name}.log").read_text()[-2000:]
                raise TimeoutError(f"{self._name} does not say {text}\n{log}") from None
            if message.startswith(text):
                return message

    def hear_nothing(self, seconds):
        """Fail if it gives a sign of life within ``seconds``."""
        self._socket.settimeout(0.01)
        with pytest.raises(TimeoutError):
            while True:
                self._socket.recv(4096)
        self._socket.settimeout(seconds)
        with pytest.raises(TimeoutError):
            self._socket.recv(4096)

    def end(self, seconds=PATIENCE_S):
        """End it as `systemctl stop` does; return the exit code."""
        self.process.terminate()
        return self.process.wait(seconds)

    def close(self):
        """Kill what is left."""
        kill(self.process.pid)
        self.process.wait(60)
        self._socket.close()


class Site:
    """A launcher and a manager with settings of its own."""

    def __init__(self, directory):
        self.data = directory / "data"
        self.startup = copy_startup(directory / "startup")
        self.launcher_socket = directory / "default.launcher"
        settings = {
            "data": str(self.data),
            "startup": str(self.startup),
            "control": ANY_PORT,
            "info": ANY_PORT,
            "documents": ANY_PORT,
            "worker_launchers": {"default": str(self.launcher_socket)},
        }
        (directory / "cuelight.yaml").write_text(yaml.safe_dump(settings))
        self.launcher = Unit(directory, "launcher", [*LAUNCHER, self.launcher_socket])
        # A unit makes the directory that both share.
        (self.data / "workers").mkdir(parents=True)
        self.data.chmod(0o700)
        self.manager = Unit(directory, "manager", [*MANAGER, directory])
        self._requesters = []

    @property
    def requester(self):
        """A client of the manager that runs now."""
        control, info = re.findall(r"tcp://[\d.:]+", self.manager.ready)
        self._requesters.append(Requester(control, info))
        return self._requesters[-1]

    @property
    def worker_pid(self):
        """The process id of the only worker."""
        [pid] = living_workers(self.data / "workers")
        return pid

    def close(self):
        """End everything."""
        for requester in self._requesters:
            requester.close()
        self.manager.close()
        self.launcher.close()
        kill(*living_workers(self.data / "workers"))


@pytest.fixture
def site(tmp_path):
    made = Site(tmp_path)
    yield made
    made.close()
    assert processes_of(str(tmp_path)) == {}


def begin_plan(ask, gate):
    """Start a plan that lasts until the file ``gate`` exists; return its uid."""
    uid = ask.add("hold", str(gate))
    ask.do("queue_start")
    ask.wait_for_runs()
    return uid


def test_the_worker_is_a_child_of_its_launcher_and_runs_plans(site):
    ask = site.requester
    ask.open()
    parent = int(Path(f"/proc/{site.worker_pid}/stat").read_text().rpartition(") ")[2].split()[1])
    assert parent == site.launcher.process.pid
    uid = ask.add("quick")
    ask.do("queue_start")
    ask.wait_for(lambda status: status["items_in_history"] == 1, "the plan")
    assert [entry["item_uid"] for entry in ask.history()] == [uid]
    worker = site.worker_pid
    ask.do("environment_close")
    wait_for_end(worker)
    ask.wait_for(lambda status: status["worker_environment_state"] == "closed", "closed environment")
    assert site.launcher.process.poll() is None
    ask.open()
    assert site.worker_pid != worker


@pytest.mark.night
def test_to_destroy_the_environment_kills_the_worker_and_not_its_launcher(site, tmp_path):
    ask = site.requester
    ask.open()
    begin_plan(ask, tmp_path / "gate")
    worker = site.worker_pid
    ask.do("environment_destroy")
    ask.wait_for(lambda status: status["worker_environment_state"] == "closed", "closed environment")
    wait_for_end(worker)
    assert site.launcher.process.poll() is None
    ask.open()


@pytest.mark.night
def test_how_a_worker_dies_is_told_with_its_cause(site, tmp_path):
    ask = site.requester
    ask.open()
    begin_plan(ask, tmp_path / "gate")
    os.kill(site.worker_pid, signal.SIGSEGV)
    ask.wait_for(lambda status: status["worker_environment_state"] == "closed", "closed environment")
    [entry] = ask.history()
    assert entry["result"]["exit_status"] == "unknown"
    assert "SIGSEGV" in str(ask.do("events_get")["events"])


@pytest.mark.parametrize(
    "dies", [pytest.param(True, id="killed"), pytest.param(False, id="stopped", marks=pytest.mark.night)]
)
def test_a_manager_that_is_started_again_finds_worker_and_plan(site, tmp_path, dies):
    ask = site.requester
    ask.open()
    uid = begin_plan(ask, tmp_path / "gate")
    worker = site.worker_pid
    if dies:
        kill(site.manager.process.pid)
        site.manager.process.wait()
    else:
        assert site.manager.end() == 0
    assert site.launcher.process.poll() is None
    site.manager.start()
    ask = site.requester
    assert ask.wait_for_state("executing_queue")["running_item_uid"] == uid
    assert site.worker_pid == worker
    (tmp_path / "gate").touch()
    ask.wait_for_state("idle")
    assert [entry["result"]["exit_status"] for entry in ask.history()] == ["completed"]
    assert len(read_journal(site.startup)) == 1
    # It can still be killed, although another manager had it started.
    ask.do("environment_destroy")
    ask.wait_for(lambda status: status["worker_environment_state"] == "closed", "closed environment")
    assert living_workers(site.data / "workers") == []


def test_without_a_launcher_the_environment_does_not_open_and_says_why(site):
    site.launcher.end()
    ask = site.requester
    ask.do("environment_open")
    ask.wait_for(lambda status: status["worker_environment_state"] == "closed", "closed environment")
    assert "start its service" in str(ask.do("events_get")["events"])
    site.launcher.start()
    ask.open()


@pytest.mark.night
def test_the_end_of_the_launcher_is_the_end_of_its_worker(site):
    ask = site.requester
    ask.open()
    worker = site.worker_pid
    assert site.launcher.end() == 0
    wait_for_end(worker)
    ask.wait_for(lambda status: status["worker_environment_state"] == "closed", "closed environment")
    assert not site.launcher_socket.exists()


def test_signs_of_life_come_from_the_loop_that_serves_and_stop_with_it(site):
    for _ in range(3):
        site.manager.wait_for("WATCHDOG=1")
    os.kill(site.manager.process.pid, signal.SIGSTOP)
    wait_for_text(Path(f"/proc/{site.manager.process.pid}/status"), "(stopped)")
    site.manager.hear_nothing(3)
    os.kill(site.manager.process.pid, signal.SIGCONT)
    site.manager.wait_for("WATCHDOG=1")
    assert site.manager.end() == 0
    site.manager.wait_for("STOPPING=1")


@pytest.mark.night
def test_a_system_that_is_started_beside_the_units_is_refused_and_changes_nothing(site, tmp_path):
    ask = site.requester
    beside = System(tmp_path, startup=site.startup)
    process = beside.spawn()
    assert process.wait(60) != 0
    beside.output.wait_for(f"in use by process {site.manager.process.pid}")
    beside.output.close()
    assert ask.status()["epoch"] == 1


def test_settings_that_cannot_be_used_end_the_manager_with_the_reason(tmp_path):
    (tmp_path / "cuelight.yaml").write_text("control: nowhere\n")
    command = [sys.executable, "-m", "queue_server", "--config", str(tmp_path)]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert answer.returncode == 1
    assert "'control'" in answer.stdout
    wait_until(lambda: processes_of(str(tmp_path)) == {}, "the end of all processes")


def test_a_launcher_for_a_lane_that_does_not_exist_ends_the_manager_with_the_reason(tmp_path):
    settings = {"data": str(tmp_path / "data"), "control": ANY_PORT, "info": ANY_PORT, "documents": ANY_PORT}
    (tmp_path / "cuelight.yaml").write_text(yaml.safe_dump(settings | {"worker_launchers": {"other": "/x"}}))
    command = [sys.executable, "-m", "queue_server", "--config", str(tmp_path)]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert answer.returncode == 1
    assert "'worker_launchers' names the lane 'other'" in answer.stdout
