"""The command line of a worker, and how a living worker is found again by it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from msgspec.structs import replace

from queue_server.protocol.lane_settings import LaneSettings
from queue_server.workers.launcher import LOGS_KEPT, GraphWork, WorkerCommand, find_worker, local_launch, make_room
from queue_server.workers.sockets import KeyFiles

PATIENCE_S = 60


def test_a_worker_is_told_everything_on_its_command_line():
    command = WorkerCommand(
        "ipc:///run/link.sock", Path("/data/workers"), "sim", 3, list_file=Path("/b/l.yaml"), update_list_file="always"
    )
    words = command.arguments("default", "w-1")
    assert words[:3] == [sys.executable, "-m", "device_worker"]
    assert dict(zip(words[3::2], words[4::2], strict=True)) == {
        "--link": "ipc:///run/link.sock",
        "--lane": "default",
        "--incarnation": "w-1",
        "--state-dir": "/data/workers",
        "--startup": "sim",
        "--device-max-depth": "3",
        "--list-file": "/b/l.yaml",
        "--update-list-file": "always",
    }


def test_the_worker_of_another_lane_loads_the_code_of_that_lane():
    other = WorkerCommand("ipc:///x", Path("/data"), "/beam/b", 2)
    command = WorkerCommand("ipc:///x", Path("/data"), "sim", others={"b": other})
    words = command.arguments("b", "w-1")
    assert words[words.index("--lane") + 1] == "b"
    assert words[words.index("--startup") + 1] == "/beam/b"
    assert words == other.arguments("b", "w-1")
    assert "/beam/b" not in command.arguments("default", "w-1")


@pytest.mark.parametrize(("path", "updates"), [(None, "always"), (Path("/l.yaml"), "never")])
def test_a_worker_is_told_of_a_list_file_only_where_it_is_to_write_it(path, updates):
    command = WorkerCommand("ipc:///x", Path("/data"), "sim", list_file=path, update_list_file=updates)
    words = command.arguments("default", "w-1")
    assert [word for word in words if "list-file" in word] == []


def test_a_worker_is_told_to_leave_out_invalid_plans_only_where_that_is_set():
    plain = WorkerCommand("ipc:///x", Path("/data"), "sim")
    tolerant = WorkerCommand("ipc:///x", Path("/data"), "sim", ignore_invalid_plans=True)
    told = set(tolerant.arguments("default", "w-1")) - set(plain.arguments("default", "w-1"))
    assert told == {"--ignore-invalid-plans"}


def test_a_worker_is_told_where_artifacts_are_unless_it_is_on_another_host():
    words = WorkerCommand("ipc:///x", Path("/data/workers"), "sim", data=Path("/data")).arguments("default", "w-1")
    assert words[words.index("--data") + 1] == "/data"
    assert "--data" not in WorkerCommand("ipc:///x", Path("/data/workers"), "sim").arguments("default", "w-1")


def test_a_worker_is_told_where_it_publishes_documents_unless_it_executes_graphs():
    command = WorkerCommand("ipc:///x", Path("/data/workers"), "sim", documents="ipc:///documents")
    words = command.arguments("default", "w-1")
    assert words[words.index("--documents") + 1] == "ipc:///documents"
    graphs = GraphWork.of(LaneSettings(startup="sim", worker="graphs"), Path("/data"))
    assert "--documents" not in replace(command, graphs=graphs).arguments("default", "w-1")


def test_a_worker_of_graphs_is_told_where_it_keeps_files_and_on_what_it_computes():
    lane = LaneSettings(startup="sim", worker="graphs", processes=3, scheduler=Path("/etc/scheduler.yaml"))
    command = WorkerCommand("ipc:///x", Path("/data/workers"), "sim", graphs=GraphWork.of(lane, Path("/data")))
    assert command.arguments("compute", "w-1")[-6:] == [
        *("--graphs-in", "/data"),
        *("--graph-processes", "3"),
        *("--graph-scheduler", "/etc/scheduler.yaml"),
    ]
    assert GraphWork.of(LaneSettings(startup="sim"), Path("/data")) is None


def test_a_worker_is_told_where_its_keys_are():
    command = WorkerCommand(
        "tcp://127.0.0.1:5", Path("/data"), "sim", keys=KeyFiles(Path("/k/worker"), Path("/k/manager"))
    )
    words = command.arguments("default", "w-1")
    assert words[-4:] == ["--secret-key-file", "/k/worker", "--manager-key-file", "/k/manager"]


def test_a_long_log_makes_room_and_only_the_newest_are_kept(tmp_path):
    log = tmp_path / "default.log"
    for number in range(LOGS_KEPT + 3):
        log.write_text(f"{number}" * 11)
        make_room(log, 10)
        assert not log.exists()
    log.write_text("short")
    make_room(log, 10)
    kept = {file.name: file.read_text()[0] for file in tmp_path.iterdir()}
    assert kept == {
        "default.log": "s",
        **{f"default.log.{age}": f"{LOGS_KEPT + 3 - age}" for age in range(1, LOGS_KEPT)},
    }


def test_a_log_that_is_missing_needs_no_room(tmp_path):
    make_room(tmp_path / "default.log", 10)
    assert list(tmp_path.iterdir()) == []


def test_a_state_directory_that_cannot_be_made_is_an_error_of_the_system(tmp_path):
    (tmp_path / "file").touch()
    launch = local_launch(WorkerCommand("ipc:///x", tmp_path / "file" / "workers", "sim"))
    with pytest.raises(OSError, match="file"):
        launch("default", "w-1")


@pytest.fixture
def processes(tmp_path):
    """Add processes to a directory like /proc."""
    (tmp_path / "self").mkdir()
    (tmp_path / "uptime").touch()

    def add(pid, *words, state="S", group=None, name="python"):
        directory = tmp_path / str(pid)
        directory.mkdir()
        (directory / "cmdline").write_bytes(b"".join(word.encode() + b"\0" for word in words))
        (directory / "stat").write_text(f"{pid} ({name}) {state} 1 {group or pid} 1 0 -1")

    return add


def test_the_worker_of_an_incarnation_is_found(processes, tmp_path):
    processes(10, "python", "-m", "device_worker", "--lane", "default", "--incarnation", "w-1", "--startup", "sim")
    assert find_worker("w-1", tmp_path) == 10


@pytest.mark.parametrize(
    "words",
    [
        ("python", "--incarnation", "w-2"),
        ("python", "--incarnation", "w-11"),
        ("python", "--incarnation", "w-"),
        ("python", "--incarnation", ""),
        ("python", "--incarnation"),
        ("python", "w-1"),
        ("python", "--other", "w-1"),
        ("python", "--incarnation", "w-2", "--incarnation", "w-1"),
        ("grep", "--incarnation w-1"),
        (),
    ],
)
def test_no_other_process_is_taken_for_it(processes, tmp_path, words):
    processes(10, *words)
    assert find_worker("w-1", tmp_path) is None


def test_a_process_that_has_ended_and_was_not_collected_does_not_live(processes, tmp_path):
    processes(10, "python", "--incarnation", "w-1", state="Z")
    assert find_worker("w-1", tmp_path) is None


def test_a_process_that_the_worker_has_forked_is_not_taken_for_it(processes, tmp_path):
    processes(9, "python", "--incarnation", "w-1", group=10)
    assert find_worker("w-1", tmp_path) is None
    processes(10, "python", "--incarnation", "w-1")
    processes(11, "python", "--incarnation", "w-1", group=10)
    assert find_worker("w-1", tmp_path) == 10


def test_what_a_worker_has_forked_and_left_behind_is_not_taken_for_it():
    incarnation = str(uuid.uuid4())
    leave_copy = "(while :; do tail -f /dev/null; done) & exit 0"
    command = ["/bin/sh", "-c", leave_copy, "worker", "--incarnation", incarnation]
    worker = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        worker.wait(PATIENCE_S)
        assert find_worker(incarnation) is None
    finally:
        os.killpg(worker.pid, signal.SIGKILL)


@pytest.mark.parametrize("name", ["a) Z 1 1", "a b", ")"])
def test_a_worker_is_found_whatever_its_name(processes, tmp_path, name):
    processes(10, "python", "--incarnation", "w-1", name=name)
    assert find_worker("w-1", tmp_path) == 10


def test_a_process_that_ends_while_it_is_looked_at_is_passed_over(processes, tmp_path):
    (tmp_path / "9").mkdir()
    processes(10, "python", "--incarnation", "w-1")
    assert find_worker("w-1", tmp_path) == 10


def test_the_test_itself_is_no_worker():
    assert find_worker("an incarnation that nobody has") is None
