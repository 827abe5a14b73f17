"""Processes of a data directory: pid files that die with their holder, named pipes, living workers, orderly ends."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import queue_server
from queue_server.process import (
    PidFile,
    PidFileTakenError,
    Spare,
    end_process,
    find_writer,
    living_workers,
    open_pipe,
)

HOLD = """
import signal, sys
from pathlib import Path
from queue_server.process import PidFile
with PidFile.claim(Path(sys.argv[1])):
    print("held", flush=True)
    signal.pause()
"""
# A module that stands by, and when it is taken reports its settings; it names the process that has started it.
STAND_BY = """
import os, sys
from queue_server.process import end_with_parent, wait_as_spare
end_with_parent(is_wanted=True)
taken = wait_as_spare(int(sys.argv[sys.argv.index("--settings-fd") + 1]))
if taken is not None:
    end_with_parent(is_wanted=False)
    os.write(taken[1], b"taken with " + taken[0])
"""
# It has a spare, tells its id, and waits to be killed.
HAVE_SPARE = """
import os, signal, sys
os.chdir(sys.argv[1])
sys.path.insert(0, sys.argv[1])
from queue_server.process import Spare
spare = Spare("stands_by")
print(spare.pid, flush=True)
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


# --- processes in reserve -------------------------------------------------------------------------------------------


@pytest.fixture
def module(tmp_path, monkeypatch):
    """The file of a module that stands by."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(queue_server.__file__).parents[1]))
    file = tmp_path / "stands_by.py"
    file.write_text(STAND_BY)
    return file


@pytest.fixture
def pipe():
    reader, writer = os.pipe()
    yield reader, writer
    os.close(reader)
    os.close(writer)


def has_ended(pid, seconds=10):
    """Wait for the end of a process that need not be a child; return whether it has come."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], seconds)[0])
    finally:
        os.close(handle)


def test_a_spare_that_is_taken_gets_its_settings_and_reports(module, pipe):
    reader, writer = pipe
    spare = Spare("stands_by")
    process = spare.take(b'{"port": 5}' * 5000, writer)
    assert process is not None
    assert process.pid == spare.pid
    assert os.read(reader, 100000) == b"taken with " + b'{"port": 5}' * 5000
    assert process.wait() == 0


def test_a_spare_that_was_ended_cannot_be_taken(module, pipe):
    spare = Spare("stands_by")
    os.kill(spare.pid, signal.SIGKILL)
    assert has_ended(spare.pid)
    assert spare.take(b"{}", pipe[1]) is None


def test_a_spare_whose_code_was_replaced_is_not_taken(module, pipe):
    spare = Spare("stands_by")
    module.rename(module.with_name("old"))
    module.write_text(STAND_BY)
    assert spare.take(b"{}", pipe[1]) is None
    assert not Path(f"/proc/{spare.pid}").exists()
    module.unlink()
    module.with_name("old").rename(module)
    again = Spare("stands_by")
    module.unlink()
    assert again.take(b"{}", pipe[1]) is None


def test_a_spare_that_is_discarded_ends_at_once(module):
    spare = Spare("stands_by")
    spare.discard()
    assert not Path(f"/proc/{spare.pid}").exists()


def test_a_spare_ends_with_the_process_that_has_it(module, tmp_path, spawn):
    keeper = spawn(HAVE_SPARE, str(tmp_path))
    [pid] = [int(entry.name) for entry in Path("/proc").iterdir() if is_child(entry, keeper.pid)]
    keeper.kill()
    assert has_ended(pid)


def is_child(entry, parent):
    """Whether an entry of /proc is a child of a process."""
    try:
        return entry.name.isdigit() and int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == parent
    except OSError:
        return False


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
