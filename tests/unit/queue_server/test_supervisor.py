"""What can be seen of the supervisor without a whole system: one for each directory, and the end of what it left."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys

import pytest
from msgspec.structs import asdict

from queue_server.config import Settings
from queue_server.process import PidFile
from queue_server.storage.lock import LOCK_FILE
from queue_server.supervisor import Orders, stop

RUN = """
import sys
from queue_server.config import load_settings
from queue_server.supervisor import run
sys.exit(run(load_settings({"data": sys.argv[1], "ready_file": sys.argv[1] + "/ready.json"})))
"""
HOLD = """
import signal, sys
from pathlib import Path
from queue_server.config import Settings
from queue_server.process import PidFile
with PidFile.claim(Path(sys.argv[1])):
    print("up", flush=True)
    signal.pause()
"""
# As a worker stands in the list of processes, and as deaf as one whose plan blocks.
WORKER = """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
signal.pause()
"""


@pytest.fixture
def spawn():
    """Start Python programs in sessions of their own that say a word once they run; all are ended with the test."""
    made = []

    def spawn(script, *arguments):
        child = subprocess.Popen(
            [sys.executable, "-c", script, *map(str, arguments)],
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        made.append(child)
        assert child.stdout is not None
        assert child.stdout.readline() == "up\n"
        return child

    yield spawn
    for child in made:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        child.stdout.close()


def spawn_worker(spawn, data):
    """Start a process that is taken for a worker of a data directory."""
    return spawn(WORKER, "device_worker", "--state-dir", data / "workers")


def test_a_second_supervisor_is_refused_and_changes_nothing(tmp_path):
    with PidFile.claim(tmp_path / "supervisor.pid"):
        before = sorted(tmp_path.iterdir())
        answer = subprocess.run([sys.executable, "-c", RUN, tmp_path], capture_output=True, text=True, check=False)
        assert sorted(tmp_path.iterdir()) == before
        assert PidFile.holder(tmp_path / "supervisor.pid") == os.getpid()
    assert answer.returncode == 2
    assert answer.stderr == ""
    assert f"cuelight down --data {tmp_path}" in answer.stdout


def test_where_nothing_runs_there_is_nothing_to_end(tmp_path):
    assert stop(tmp_path) == 0
    assert stop(tmp_path / "absent") == 0


@pytest.mark.parametrize("name", ["supervisor.pid", LOCK_FILE])
def test_supervisor_and_manager_are_asked_in_order_to_end(tmp_path, spawn, name):
    holder = spawn(HOLD, tmp_path / name)
    assert stop(tmp_path) == 0
    assert holder.wait() == -signal.SIGTERM


def test_to_end_the_workers_too_is_another_order(tmp_path, spawn):
    holder = spawn(HOLD, tmp_path / "supervisor.pid")
    assert stop(tmp_path, workers=True) == 0
    assert holder.wait() == -signal.SIGUSR1


def test_a_worker_is_left_to_its_plan_unless_its_end_is_asked_for(tmp_path, spawn, caplog):
    worker = spawn_worker(spawn, tmp_path)
    assert stop(tmp_path) == 0
    assert worker.poll() is None
    assert str(worker.pid) in caplog.text
    assert "cuelight down --workers" in caplog.text

    assert stop(tmp_path, workers=True) == 0
    assert worker.wait() == -signal.SIGKILL


def test_the_workers_of_another_directory_are_not_touched(tmp_path, spawn):
    theirs = spawn_worker(spawn, tmp_path / "other")
    assert stop(tmp_path / "ours", workers=True) == 0
    assert theirs.poll() is None


def test_orders_are_values_that_reach_another_process_as_they_are(tmp_path):
    orders = Orders.of(Settings(data=tmp_path, ready_file=tmp_path / "ready.json", pause_at_stop=True))
    assert Orders(**json.loads(json.dumps(asdict(orders)))) == orders
    assert (orders.data, orders.ready_file, orders.pauses_at_stop) == (tmp_path, tmp_path / "ready.json", True)
    assert Settings(**orders.manager) == Settings(**Settings(**orders.manager).model_dump(mode="json"))


@pytest.mark.parametrize(("chosen", "later"), [("on_startup", {"permissions_reload": "on_request"}), ("never", {})])
def test_a_manager_that_takes_the_place_of_another_leaves_permissions_as_they_were_set(tmp_path, chosen, later):
    assert Orders.of(Settings(data=tmp_path, permissions_reload=chosen)).after_restart == later


def test_a_gateway_is_told_only_what_is_its_own(tmp_path):
    settings = Settings(data=tmp_path, http_workers=2, startup="module:nothing")
    orders = Orders.of(settings)
    assert orders.has_gateway
    assert orders.gateway["workers"] == 2
    assert "startup" not in orders.gateway
    assert not Orders.of(settings.model_copy(update={"http": "off"})).has_gateway


def test_a_supervisor_is_a_small_program():
    heavy = ["pydantic", "typer", "yaml", "zmq", "apsw", "uvloop"]
    script = "import sys, queue_server.supervisor; print([name for name in sys.argv[1:] if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", script, *heavy], capture_output=True, text=True, check=True)
    assert answer.stdout == "[]\n"
