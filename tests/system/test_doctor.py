"""The doctor on whole systems: running, stopped, frozen, damaged, and open to others."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import zmq

from queue_server.cli.doctor.probe import find_speech
from tests.processes.system import ROOT, System, copy_startup
from tests.processes.waiting import wait_until

# What depends on the host on which the tests run, and not on the system.
HOST = ("clock", "disk", "file system")


class Report:
    """What the doctor has said."""

    def __init__(self, ended):
        assert ended.stderr == ""
        self.code = ended.returncode
        self.content = json.loads(ended.stdout)

    @property
    def grave(self):
        """Level, check and action of what is not well, without what depends on the host."""
        return [
            (found["level"], found["check"], found["action"].partition("    #")[0])
            for found in self.content["findings"]
            if found["level"] != "ok" and found["check"] not in HOST
        ]

    def text_of(self, check):
        """All that was said about something."""
        return " ".join(found["text"] for found in self.content["findings"] if found["check"] == check)


@pytest.fixture
def doctor():
    """Ask the doctor about a data directory."""
    environ = {name: os.environ[name] for name in os.environ if not name.startswith(("CUELIGHT_", "QSERVER_"))}
    # Other tests may hold the ordinary ports meanwhile.
    places = {"CUELIGHT_CONTROL": "tcp://127.0.0.1", "CUELIGHT_INFO": "tcp://127.0.0.1", "CUELIGHT_HTTP": "127.0.0.1"}
    environ |= {name: f"{host}:{_free_port()}" for name, host in places.items()}

    def run(data, *words, **more):
        command = [sys.executable, "-m", "queue_server.cli", "doctor", "--json", "--data", str(data), *map(str, words)]
        return Report(
            subprocess.run(command, cwd=ROOT, env=environ | more, capture_output=True, text=True, check=False)
        )

    return run


def _free_port():
    with socket.create_server(("127.0.0.1", 0)) as bound:
        return bound.getsockname()[1]


def _files(data):
    """The content of all files that say anything, by name; the shared memory of SQLite is only a cache."""
    return {
        file.name: (file.read_bytes(), file.stat().st_mode)
        for file in data.rglob("*")
        if file.is_file() and not file.name.endswith("-shm")
    }


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """A system with a gateway, for all tests that leave it as it is."""
    directory = tmp_path_factory.mktemp("system")
    system = System(directory, startup=copy_startup(directory / "startup"), http="127.0.0.1:0")
    yield system.start()
    system.close()


@pytest.fixture
def standing(running):
    """The same, ready: a test before may have had its manager replaced."""
    wait_until(lambda: running.is_ready, "the ready file")
    running.requester.status()
    return running


def test_a_running_system_is_well(standing, doctor):
    system = standing
    report = doctor(system.data, "--ready-file", system.ready_file)
    assert report.grave == []
    assert report.code < 2
    for check in ("supervisor", "manager", "gateway"):
        assert f"process {system.ready['pids'][check]}" in report.text_of(check)
    port = system.ready["control"].rpartition(":")[2]
    assert f"control: 127.0.0.1:{port}" in report.text_of("ports")
    assert "this host only, not encrypted" in report.text_of("ports")
    assert "sound" in report.text_of("store")


@pytest.mark.night
def test_the_doctor_finds_a_system_without_its_ready_file(system, doctor):
    report = doctor(system.data)
    assert [found for found in report.grave if found[1] != "gateway"] == []
    assert f"process {system.manager_pid}" in report.text_of("manager")


@pytest.mark.night
def test_a_stopped_system_is_a_warning_and_is_left_as_it_is(make_system, startup, doctor):
    system = make_system(startup=startup).start()
    system.close()
    before = _files(system.data)
    report = doctor(system.data)
    assert report.grave[0] == ("warning", "manager", f"cuelight up --data {system.data}")
    assert report.code == 1
    assert _files(system.data) == before


def test_a_frozen_manager_is_told_with_the_command_that_lets_it_go_on(standing, doctor):
    system = standing
    pid, ready = system.manager_pid, ("--ready-file", system.ready_file)
    system.stop_supervisor()
    os.kill(pid, signal.SIGSTOP)
    try:
        wait_until(lambda: "(stopped)" in Path(f"/proc/{pid}/status").read_text(), "the stop")
        report = doctor(system.data, *ready)
    finally:
        os.kill(pid, signal.SIGCONT)
        system.continue_supervisor()
    assert report.code == 2
    assert ("failure", "manager", f"kill -CONT {pid}") in report.grave
    assert ("failure", "supervisor", f"kill -CONT {system.supervisor_pid}") in report.grave
    # The store can be looked at all the same.
    assert "sound" in report.text_of("store")


@pytest.mark.night
def test_a_manager_without_a_supervisor_is_told(system, doctor):
    ready = ("--ready-file", system.ready_file)
    system.kill_supervisor()
    report = doctor(system.data, *ready)
    assert report.code == 1
    assert ("warning", "supervisor", f"cuelight up --data {system.data}") in report.grave


def test_a_damaged_database_is_named_with_the_command_that_restores(make_system, startup, doctor):
    system = make_system(startup=startup).start()
    system.close()
    file = system.data / "queue.sqlite"
    made = subprocess.run(
        [sys.executable, "-m", "queue_server.cli", "backup", "--data", str(system.data)],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    assert made.returncode == 0
    (system.data / "queue.sqlite-wal").unlink(missing_ok=True)
    content = bytearray(file.read_bytes())
    content[8192:40960] = os.urandom(32768)
    file.write_bytes(content)
    before = _files(system.data)
    report = doctor(system.data)
    assert report.code == 2
    assert ("failure", "store", f"cuelight restore --data {system.data}") in report.grave
    assert "backups" in report.text_of("backup")
    assert _files(system.data) == before


def test_a_wrong_file_mode_is_told_with_its_correction(standing, doctor):
    system = standing
    file = system.data / "queue.sqlite"
    file.chmod(0o644)
    try:
        report = doctor(system.data, "--ready-file", system.ready_file)
    finally:
        file.chmod(0o600)
    assert report.code == 2
    assert ("failure", "files", f"chmod 600 {file}") in report.grave


def test_a_port_that_another_program_has_taken_is_told(tmp_path, doctor):
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        port = other.getsockname()[1]
        report = doctor(tmp_path / "data", CUELIGHT_CONTROL=f"tcp://127.0.0.1:{port}")
    assert report.code == 2
    assert f"control: 127.0.0.1:{port} is taken by process {os.getpid()}" in report.text_of("ports")


def test_settings_that_cannot_be_used_do_not_end_the_examination(tmp_path, doctor):
    (tmp_path / "cuelight.yaml").write_text("contrl: x\n")
    report = doctor(tmp_path / "data", "--config", tmp_path)
    assert report.code == 2
    assert report.grave[0] == ("failure", "settings", f"$EDITOR {tmp_path}/cuelight.yaml")
    assert "Nothing runs" in report.text_of("manager")


@pytest.mark.parametrize(("is_encrypted", "speech"), [(True, "curve"), (False, "plain")])
def test_a_socket_tells_whether_it_is_encrypted(is_encrypted, speech):
    with zmq.Context() as context, context.socket(zmq.ROUTER) as router:
        if is_encrypted:
            router.curve_secretkey = zmq.curve_keypair()[1]
            router.curve_server = True
        port = router.bind_to_random_port("tcp://127.0.0.1")
        assert find_speech("127.0.0.1", port) == speech


def test_a_socket_that_says_nothing_is_silent_and_a_closed_one_refuses():
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        port = other.getsockname()[1]
        assert find_speech("127.0.0.1", port, timeout_s=0.1) == "silent"
    assert find_speech("127.0.0.1", port, timeout_s=0.1) == "refused"
