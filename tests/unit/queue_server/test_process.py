"""Processes of a data directory: pid files that die with their holder, named pipes, living workers, orderly ends."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from queue_server.process import PidFile, PidFileTakenError, end_process, find_writer, living_workers, open_pipe

HOLD = """
import signal, sys
from pathlib import Path
from queue_server.process import PidFile
with PidFile.claim(Path(sys.argv[1])):
    print("held", flush=True)
    signal.pause()
"""
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); signal.pause()"


@pytest.fixture
def spawn():
    """Start Python programs that say a word once they run; all are ended with the test."""
    made = []

    def spawn(script, *arguments):
        child = subprocess.Popen([sys.executable, "-c", script, *arguments], stdout=subprocess.PIPE, text=True)
        made.append(child)
        assert child.stdout is not None
        assert child.stdout.readline()
        return child

    yield spawn
    for child in made:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        child.wait()
        child.stdout.close()


# --- pid files ------------------------------------------------------------------------------------------------------


def test_a_file_that_nobody_made_has_no_holder(tmp_path):
    assert PidFile.holder(tmp_path / "pid") is None


def test_a_file_names_its_holder_as_long_as_it_is_held(tmp_path):
    path = tmp_path / "pid"
    with PidFile.claim(path):
        assert path.read_text(encoding="utf-8") == f"{os.getpid()}\n"
        assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text(encoding="utf-8") == ""
    assert PidFile.holder(path) is None


def test_a_second_claim_is_refused_with_what_to_do(tmp_path, spawn):
    path = tmp_path / "pid"
    holder = spawn(HOLD, str(path))
    assert PidFile.holder(path) == holder.pid
    with pytest.raises(PidFileTakenError) as caught, PidFile.claim(path):
        pytest.fail("two processes hold the file")
    assert str(holder.pid) in str(caught.value)
    assert f"cuelight down --data {tmp_path}" in str(caught.value)
    assert caught.value.exit_code == 2
    assert PidFile.holder(path) == holder.pid


def test_the_claim_of_a_killed_process_ends_with_it(tmp_path, spawn):
    path = tmp_path / "pid"
    holder = spawn(HOLD, str(path))
    holder.kill()
    holder.wait()
    assert PidFile.holder(path) is None
    with PidFile.claim(path):
        assert path.read_text(encoding="utf-8") == f"{os.getpid()}\n"


def test_a_claim_ends_when_its_block_fails(tmp_path):
    path = tmp_path / "pid"
    with pytest.raises(ZeroDivisionError), PidFile.claim(path):
        raise ZeroDivisionError
    with PidFile.claim(path):
        assert path.exists()


# --- workers --------------------------------------------------------------------------------------------------------


@pytest.fixture
def processes(tmp_path):
    """Add processes to a directory like /proc, and return that."""

    def add(pid, *words):
        directory = tmp_path / "proc" / str(pid)
        directory.mkdir(parents=True)
        (directory / "cmdline").write_bytes(b"".join(os.fsencode(word) + b"\0" for word in words))
        return tmp_path / "proc"

    return add


def test_workers_of_a_directory_are_found_by_their_command_lines(processes):
    ours, theirs = Path("/data/workers"), Path("/other/workers")
    processes(30, "python", "-m", "device_worker", "--state-dir", str(ours))
    processes(7, "python", "-m", "device_worker", "--state-dir", str(ours), "--lane", "b")
    processes(8, "python", "-m", "device_worker", "--state-dir", str(theirs))
    processes(9, "python", "-m", "device_worker", "--state-dir", f"{ours}/more")
    processes(10, "less", str(ours))
    directory = processes(11)
    (directory / "uptime").touch()
    (directory / "12").mkdir()
    assert living_workers(ours, directory) == [7, 30]


def test_a_directory_without_workers_has_none(tmp_path):
    assert living_workers(tmp_path / "workers") == []


# --- ends -----------------------------------------------------------------------------------------------------------


def test_a_process_that_obeys_has_ended_when_the_call_returns(spawn):
    child = spawn("import signal; print('up', flush=True); signal.pause()")
    assert end_process(child.pid, signal.SIGTERM, 5.0) is True
    assert child.wait() == -signal.SIGTERM


def test_a_process_that_does_not_obey_is_told_as_such_and_left(spawn):
    child = spawn(STUBBORN)
    assert end_process(child.pid, signal.SIGTERM, 0.05) is False
    assert child.poll() is None
    assert end_process(child.pid, signal.SIGKILL, 5.0) is True


def test_a_process_that_is_gone_has_ended(spawn):
    child = spawn("print('up', flush=True)")
    child.wait()
    assert end_process(child.pid, signal.SIGTERM, 0.0) is True


# --- named pipes ----------------------------------------------------------------------------------------------------

WRITE = "import os, sys, signal; os.open(sys.argv[1], os.O_WRONLY); print('up', flush=True); signal.pause()"


def test_a_pipe_is_made_for_this_user_alone_and_reading_it_does_not_wait(tmp_path):
    handle = open_pipe(tmp_path / "pipe")
    try:
        assert os.read(handle, 100) == b""
        assert (tmp_path / "pipe").stat().st_mode & 0o777 == 0o600
    finally:
        os.close(handle)


def test_a_process_that_writes_into_a_pipe_is_found_and_heard_by_the_next_reader(tmp_path, spawn):
    path = tmp_path / "pipe"
    first = open_pipe(path)
    writer = spawn(WRITE, str(path))
    assert find_writer(path) == writer.pid
    os.close(first)
    assert find_writer(path) == writer.pid
    second = open_pipe(path)
    with pytest.raises(BlockingIOError):
        os.read(second, 100)
    writer.kill()
    writer.wait()
    assert os.read(second, 100) == b""
    assert find_writer(path) is None
    os.close(second)


def test_who_only_reads_is_no_writer(tmp_path, spawn):
    handle = open_pipe(tmp_path / "pipe")
    os.set_inheritable(handle, True)
    reader = WRITE.replace("os.open(sys.argv[1], os.O_WRONLY)", "os.open(sys.argv[1], os.O_RDONLY | os.O_NONBLOCK)")
    spawn(reader, str(tmp_path / "pipe"))
    assert find_writer(tmp_path / "pipe") is None
    os.close(handle)


def test_nobody_writes_into_what_is_missing_or_no_pipe(tmp_path):
    (tmp_path / "file").touch()
    assert find_writer(tmp_path / "missing") is None
    assert find_writer(tmp_path / "file") is None


def test_something_else_of_that_name_is_left_as_it_is(tmp_path):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    for name in ("file", "link"):
        with pytest.raises(OSError, match=name):
            open_pipe(tmp_path / name)
    assert (tmp_path / "file").read_text() == "mine"
