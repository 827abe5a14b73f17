"""D2: the manager and the worker are killed at every named instant, three times each, and K holds.

Every failpoint that the code declares belongs to one of the groups below, by where it can be reached.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import signal
import subprocess
import sys
from contextlib import suppress

import pytest

import device_worker
import http_gateway
import queue_server
from http_gateway.dialects.scanhub.notebook import Notebook, Page
from queue_server import failpoints
from queue_server.process import living_workers
from tests.processes.requester import ManagerGoneError
from tests.processes.system import read_journal

# Passed once in the life of a data directory, while the manager starts for the first time.
CREATION = ("store.before_migration", "store.after_migration", "store.before_marker", "store.after_marker")
# Passed during each start, in this order.
START = (
    "store.before_lock",
    "store.after_lock",
    "store.before_epoch",
    "store.after_epoch",
    "store.before_checkpoint",
    "store.after_checkpoint",
    "start.after_store",
    "start.after_bind",
    "start.after_recovery",
)
END = ("store.before_close", "store.after_close")
# Which pass is the last one: the first kill while the manager starts or adopts its worker, the others under load.
UNDER_LOAD = {
    "engine.before_turn": (2, 31, 64),
    "engine.before_send": (3, 28, 57),
    "engine.after_send": (2, 35, 51),
    "store.begin": (3, 29, 60),
    "store.before_commit": (2, 33, 55),
    "store.after_commit": (3, 30, 62),
    "link.before_send": (1, 24, 70),
    "link.before_acknowledge": (3, 21, 66),
}
# Passed by the command that restores a backup; killed there in test_store_backup.py.
RESTORATION = ("restore.before_exchange", "restore.between_renames", "restore.after_exchange")
HOST = ("worker.before_start", "worker.after_start")
# Passed by a gateway that keeps what it knows of a device.
NOTEBOOK = ("notebook.before_sync", "notebook.before_rename", "notebook.after_sync")
# Passed by whoever stores an artifact; killed there in tests/system/test_artifacts.py.
ARTIFACTS = ("artifact.before_sync", "artifact.before_rename", "artifact.after_rename", "artifact.after_sync")
# In the worker: the first kills while the environment opens, the others during plans or at their ends.
WORKER = {
    "worker_link.before_hello": (1, 2, 3),
    "worker_link.before_report": (1, 7, 30),
    "worker_link.after_report": (2, 9, 33),
    "outbox.before_sync": (1, 2, 5),
    "outbox.after_sync": (1, 3, 4),
    "record.before_write": (1, 4, 7),
    "record.before_sync": (1, 3, 6),
}


@pytest.mark.fault("D2")
def test_every_failpoint_of_the_code_is_tested_here():
    for package in (queue_server, device_worker, http_gateway):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            # Steps of a migration are no modules of their own: alembic runs them.
            if not module.name.endswith("__main__") and ".migrations." not in module.name:
                importlib.import_module(module.name)
    assert set(failpoints.declared()) == {
        *CREATION,
        *START,
        *END,
        *UNDER_LOAD,
        *HOST,
        *WORKER,
        *RESTORATION,
        *ARTIFACTS,
        *NOTEBOOK,
    }


SAVE_TWICE = """
import sys
from pathlib import Path
from http_gateway.dialects.scanhub.notebook import Notebook, Page
for generation in (1, 2):
    Notebook(Path(sys.argv[1])).save("device", Page(generation=generation))
"""


@pytest.mark.fault("D2")
@pytest.mark.parametrize("point", NOTEBOOK)
def test_a_gateway_that_is_killed_while_it_writes_of_a_device_leaves_one_page_or_the_other(tmp_path, point):
    environ = {**os.environ, "CUELIGHT_FAULT_TESTS": "1", "CUELIGHT_FAILPOINTS": f"{point}=kill@2"}
    killed = subprocess.run([sys.executable, "-c", SAVE_TWICE, str(tmp_path)], env=environ, check=False)
    assert killed.returncode == -signal.SIGKILL
    page = Notebook(tmp_path).read("device")
    assert page is not None
    assert page.generation == (2 if point == "notebook.after_sync" else 1)
    # The next one is not in the way of what was left.
    assert Notebook(tmp_path).save("device", Page(generation=3))


@pytest.mark.fault("D2")
@pytest.mark.parametrize("module", ["engine", "store", "link"])
def test_kills_under_load_lose_and_double_nothing(rig, module, figure):
    points = {name: hits for name, hits in UNDER_LOAD.items() if name.startswith(f"{module}.")}
    for name, hits in points.items():
        for number, hit in enumerate(hits):
            rig.die(name, hit, loops=number == 2)
    rig.recover()
    figure(f"K at {', '.join(points)}", "3 kills each", f"{len(rig.kills)} kills, {rig.acknowledged} acknowledged")


@pytest.mark.fault("D2")
@pytest.mark.parametrize("number", [1, 2, 3])
def test_kills_while_a_data_directory_is_created_leave_one_that_can_be_used(rig, number, figure):
    rig.data = rig.data.with_name(f"data{number}")
    for point in (*START[:2], *CREATION, *START[2:]):
        rig.die_while_starting(point)
    manager = rig.recover()
    ask = manager.requester
    assert (ask.queue(), ask.history(), ask.status()["manager_state"]) == ([], [], "idle")
    rig.begin(manager).burst(executes=False)
    manager.kill()
    rig.recover()
    figure("K after deaths during the first start", "1 kill each", f"{len(rig.kills)} kills")


@pytest.mark.fault("D2")
@pytest.mark.parametrize("environment", ["closed", "open"])
def test_kills_during_a_start_lose_nothing(rig, environment, figure):
    manager = rig.recover()
    load = rig.begin(manager)
    for _ in range(10):
        load.burst(executes=False)
    if environment == "closed":
        manager.requester.do("environment_close")
        manager.requester.wait_for(lambda status: status["worker_environment_state"] == "closed", "closed environment")
    die_while_starting_again_and_again(rig, manager)
    status = rig.recover().requester.status()
    assert status["worker_environment_exists"] == (environment == "open")
    figure(f"K after deaths during the start, environment {environment}", "1 kill each", f"{len(rig.kills)} kills")


@pytest.mark.fault("D2")
def test_kills_during_a_start_do_not_disturb_a_plan(rig, tmp_path, figure):
    gate = tmp_path / "gate"
    manager = rig.recover()
    manager.requester.open()
    uid = manager.requester.add("hold", str(gate))
    manager.requester.do("queue_start")
    [run] = manager.requester.wait_for_runs()
    die_while_starting_again_and_again(rig, manager)

    ask = rig.recover().requester
    assert ask.wait_for_state("executing_queue")["running_item_uid"] == uid
    gate.touch()
    ask.wait_for_state("idle")
    [entry] = ask.history()
    assert (entry["item_uid"], entry["result"]["exit_status"]) == (uid, "completed")
    assert entry["result"]["run_uids"] == [run["uid"]]
    assert len(read_journal(rig.startup)) == 1
    figure("a plan survives deaths during the start", "1 kill each", f"{len(rig.kills)} kills")


def die_while_starting_again_and_again(rig, manager):
    """Kill the manager, and each of its successors at another step of its start; the worker must not be touched."""
    workers = living_workers(rig.data / "workers")
    manager.kill()
    for point in START:
        rig.die_while_starting(point)
    assert living_workers(rig.data / "workers") == workers


@pytest.mark.fault("D2")
@pytest.mark.parametrize("queue", ["standing", "standing again", "running"])
def test_kills_during_an_orderly_end_lose_nothing(rig, queue, figure):
    executes = queue == "running"
    # The log is moved into the main file once at the start, and once at the end.
    points = [f"{name}=kill@1" for name in END]
    points += ["store.before_checkpoint=kill@2", "store.after_checkpoint=kill@2"]
    for point in points:
        manager = rig.start(point).must_be_ready()
        rig.check_if_due(manager)
        load = rig.begin(manager, opens=executes)
        for _ in range(6):
            load.burst(executes=executes)
            if executes:
                load.keep_running()
        if not executes and manager.requester.status()["worker_environment_exists"]:
            manager.requester.do("environment_destroy")
            manager.requester.wait_for_state("idle")
        load.post()
        manager.process.terminate()
        with suppress(ManagerGoneError):
            load.collect()
        rig.was_killed(manager, point)
    rig.recover()
    figure("K after deaths during the end", "1 kill each", f"{len(rig.kills)} kills, {rig.acknowledged} acknowledged")


@pytest.mark.fault("D2")
def test_kills_around_the_start_of_a_worker_leave_at_most_one(rig, figure):
    for _ in range(3):
        for point in HOST:
            manager = rig.start(f"{point}=kill@1").must_be_ready()
            with suppress(ManagerGoneError):
                manager.requester.do("environment_open")
            rig.was_killed(manager, point)
            ask = rig.start().must_be_ready().requester
            status = ask.wait_for_state("idle")
            exists = point == "worker.after_start"
            assert status["worker_environment_exists"] == exists
            assert len(living_workers(rig.data / "workers")) == exists
            if exists:
                ask.do("environment_destroy")
                ask.wait_for(lambda status: status["worker_environment_state"] == "closed", "closed environment")
            rig.manager.kill()
    figure("workers after deaths around their start", "3 kills each, at most 1 worker", f"{len(rig.kills)} kills")


@pytest.mark.fault("D2")
@pytest.mark.parametrize("point", WORKER)
def test_kills_of_the_worker_leave_honest_outcomes(rig, point, figure):
    for hit in WORKER[point]:
        outcomes = set(rig.lose_worker(point, hit).executed.values())
        # What is in the file of finish records counts, although the worker died before it could tell.
        assert point != "outbox.after_sync" or "unknown" not in outcomes
    figure(f"K at {point}", "3 kills of the worker", f"{len(rig.kills)} kills, {rig.acknowledged} acknowledged")
