"""A lane whose worker executes processing graphs, in a whole system: from the request to the artifact."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from tests.processes.requester import USER
from tests.processes.system import System, copy_startup
from tests.processes.waiting import wait_until

STARTUP = Path(__file__).parents[1] / "processes" / "graphs" / "startup.py"
LANE = {"lane": "compute"}
OPEN_S = 40.0


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    """A system with a lane of plans and an open lane of graphs, for all tests of this module."""
    directory = tmp_path_factory.mktemp("system")
    compute = {"startup": str(STARTUP), "worker": "graphs", "processes": 1, "memory_limit_mib": 512}
    system = System(directory, startup=copy_startup(directory / "startup"), lanes={"compute": compute})
    try:
        system.start()
        open_lane(system.requester)
        yield system
    finally:
        system.close()


@pytest.fixture
def ask(system):
    return system.requester


def open_lane(ask):
    ask.do("environment_open", **LANE)
    ask.wait_for(lambda status: lane_of(status)["worker_state"] == "idle", "an open lane", OPEN_S)


@pytest.fixture
def pipe(tmp_path):
    def pipe(name):
        os.mkfifo(tmp_path / name)
        return str(tmp_path / name)

    return pipe


def lane_of(status):
    [lane] = [lane for lane in status["lanes"] if lane["lane"] == "compute"]
    return lane


def dag(name, **parameters):
    return {"item_type": "dag", "name": name, "kwargs": parameters}


def start(ask, name, **parameters):
    """Let the lane execute a graph at once; return the uid of the item."""
    return ask.do("queue_item_execute", item=dag(name, **parameters), **USER)["item"]["item_uid"]


def end_of(ask, uid):
    """Return the entry of an item in the history, once it has ended."""
    found = []

    def has_ended(_):
        found[:] = [entry for entry in ask.do("history_get", **LANE)["items"] if entry["item_uid"] == uid]
        return bool(found)

    ask.wait_for(has_ended, f"the end of {uid}")
    ask.wait_for(lambda status: lane_of(status)["manager_state"] == "idle", "an idle lane")
    return found[0]


def begun(path):
    """Return the process id that a node writes into a pipe once it runs."""
    return int(Path(path).read_text())


def nodes_of(worker):
    return [child for child in worker.children(recursive=True) if "spawn_main" in " ".join(child.cmdline())]


def worker_of(ask):
    """Return the process of the worker."""
    incarnation = lane_of(ask.status())["worker"]
    [found] = [each for each in psutil.process_iter() if incarnation in _words(each)]
    return found


def _words(process):
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def test_a_scan_is_simulated_and_its_image_reconstructed_from_the_artifact(system, ask):
    reply = ask.do("queue_item_add", item=dag("simulate_scan", size=64, coils=4), **USER)
    assert (reply["item"]["item_type"], reply["item"]["lane"], reply["qsize"]) == ("dag", "compute", 1)
    ask.do("queue_start", **LANE)
    entry = end_of(ask, reply["item"]["item_uid"])
    assert (entry["result"]["exit_status"], entry["result"]["points"]) == ("completed", 1)
    kspace, _ = entry["result"]["artifacts"]

    uid = start(ask, "reconstruct_image", kspace=kspace["artifact"]["id"], keep_coils=True)
    entry = end_of(ask, uid)
    assert (entry["result"]["exit_status"], entry["result"]["points"]) == ("completed", 7)
    found = {each["name"]: each["artifact"] for each in entry["result"]["artifacts"]}
    results = ["image.npy", "image.png", "metrics.json"]
    assert list(found) == [*results, *(f"coils/{coil}.npy" for coil in range(4)), "manifest.json"]
    assert found["image.png"]["content_type"] == "image/png"
    directory = system.data / "graphs" / "compute" / f"{uid}.1"
    for name, artifact in found.items():
        content = (system.data / "artifacts" / artifact["id"][:2] / artifact["id"]).read_bytes()
        assert (artifact["id"], artifact["size_bytes"]) == (hashlib.sha256(content).hexdigest(), len(content))
        assert (directory / name).read_bytes() == content
    with Image.open(directory / "image.png") as picture:
        assert picture.size == np.load(directory / "image.npy").shape == (64, 64)


def test_what_does_not_fit_its_graph_or_its_lane_is_refused_when_it_is_added(ask):
    known = ask.do("dags_allowed", user_group="primary")["dags_allowed"]
    own = {"meet", "divide", "hang", "linger"}
    assert set(known) == {*own, "reconstruct_image", "simulate_scan"}
    assert known["simulate_scan"]["parameters"]["properties"]["size"]["maximum"] == 512
    refused = {
        "wait_for_ever": dag("wait_for_ever"),
        "coils: given 0, accepted at least 1": dag("simulate_scan", coils=0),
        "kspace: given nothing": dag("reconstruct_image"),
        "kspace: given '/etc/passwd'": dag("reconstruct_image", kspace="/etc/passwd"),
        "pipes: given 1, accepted no such parameter": dag("meet", pipe="p", pipes=1),
    }
    for reason, item in refused.items():
        assert reason in ask.be_refused("queue_item_add", item=item, **USER)
    plan = {"item_type": "plan", "name": "quick"}
    assert "executes processing graphs, and no plans" in ask.be_refused("queue_item_add", item=plan, **LANE, **USER)
    item = dag("simulate_scan")
    assert "executes plans, and no processing graphs" in ask.be_refused(
        "queue_item_add", item=item, lane="default", **USER
    )
    assert "no tasks" in end_of_task(ask, "environment_update")
    assert ask.do("queue_get", **LANE)["items"] == []


def end_of_task(ask, method):
    """Return what is told about the end of a task."""
    uid = ask.do(method, **LANE)["task_uid"]
    results = []

    def has_ended(_):
        results[:] = [ask.do("task_result", task_uid=uid)]
        return results[0]["status"] == "completed"

    ask.wait_for(has_ended, "the end of a task")
    return results[0]["result"]["msg"]


def test_a_failing_node_is_named_with_its_traceback_and_the_lane_is_held(ask):
    [kspace] = [each for each in artifacts_of(ask) if each["name"] == "kspace.npy"]
    uid = ask.do("queue_item_add", item=dag("divide", file=kspace["artifact"]["id"]), **USER)["item"]["item_uid"]
    ask.do("queue_start", **LANE)
    result = end_of(ask, uid)["result"]
    assert (result["exit_status"], "take_apart" in result["msg"]) == ("failed", True)
    assert "beside_graphs.py" in result["traceback"]
    [copy] = ask.do("queue_get", **LANE)["items"]
    assert copy["state"] == "held"
    ask.do("queue_item_remove", uid=copy["item_uid"], **LANE)


def artifacts_of(ask):
    """Return the artifacts of all items that have ended."""
    entries = ask.do("history_get", **LANE)["items"]
    return [each for entry in entries for each in entry["result"].get("artifacts", ())]


def test_a_running_graph_is_ended_by_order_with_its_process_and_cannot_be_paused(ask, pipe):
    hung = pipe("hung")
    uid = start(ask, "hang", pipe=hung)
    pid = begun(hung)
    ask.wait_for(lambda status: lane_of(status)["re_state"] == "computing", "the graph")
    assert "cannot be paused" in ask.be_refused("re_pause", **LANE)
    ask.do("re_abort", **LANE)
    result = end_of(ask, uid)["result"]
    assert (result["exit_status"], result["msg"]) == ("aborted", "The graph was aborted.")
    assert not psutil.pid_exists(pid)


def test_an_emergency_stop_ends_the_graph(ask, pipe):
    hung = pipe("hung")
    uid = start(ask, "hang", pipe=hung)
    pid = begun(hung)
    ask.do("estop", reason="smoke", user="Somebody")
    result = end_of(ask, uid)["result"]
    assert (result["exit_status"], "smoke" in result["msg"]) == ("aborted", True)
    assert not psutil.pid_exists(pid)
    ask.do("estop_reset", reason="it was steam", user="Somebody")


def test_a_graph_outlives_the_manager_and_its_end_is_recorded_by_the_next(system, ask, pipe):
    began, end = pipe("began"), pipe("end")
    uid = start(ask, "linger", begun=began, end=end)
    begun(began)
    known = ask.do("dags_existing", **LANE)["dags_existing"]
    system.kill_manager()
    ask.wait_for(lambda status: lane_of(status)["re_state"] == "computing", "the graph of the manager before")
    assert ask.do("dags_existing", **LANE)["dags_existing"] == known
    threading.Thread(target=Path(end).write_text, args=("done",), daemon=True).start()
    result = end_of(ask, uid)["result"]
    assert result["exit_status"] == "completed"
    assert [each["name"] for each in result["artifacts"]] == ["lingered.txt", "manifest.json"]


def test_no_process_is_left_when_the_environment_ends_and_its_graphs_are_still_known(ask, pipe):
    nodes = nodes_of(worker_of(ask))
    assert len(nodes) == 1
    ask.do("environment_close", **LANE)
    ask.wait_for(lambda status: not lane_of(status)["worker_environment_exists"], "a closed lane")
    wait_until(lambda: not any(map(psutil.Process.is_running, nodes)), "the end of all processes")

    open_lane(ask)
    hung = pipe("hung")
    uid = start(ask, "hang", pipe=hung)
    begun(hung)
    nodes = nodes_of(worker_of(ask))
    ask.do("environment_destroy", **LANE)
    assert end_of(ask, uid)["result"]["exit_status"] == "failed"
    wait_until(lambda: not any(map(psutil.Process.is_running, nodes)), "the end of all processes")
    assert "simulate_scan" in ask.do("dags_allowed", user_group="primary")["dags_allowed"]
