"""Items of two lanes that come after one another, in a whole system: a plan, a scan, and the image of that scan."""

from __future__ import annotations

import hashlib

import pytest

from tests.processes.requester import USER
from tests.processes.system import System, copy_startup, read_journal

LANE = {"lane": "compute"}
OPEN_S = 40.0


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    """A system with a lane of plans and a lane of graphs, both open."""
    directory = tmp_path_factory.mktemp("system")
    compute = {"startup": "sim", "worker": "graphs", "processes": 1, "memory_limit_mib": 512}
    system = System(directory, startup=copy_startup(directory / "startup"), lanes={"compute": compute})
    try:
        ask = system.start().requester
        ask.do("environment_open")
        ask.do("environment_open", **LANE)
        ask.wait_for(
            lambda status: all(lane["worker_state"] == "idle" for lane in status["lanes"]), "two open lanes", OPEN_S
        )
        yield system
    finally:
        system.close()


@pytest.fixture
def ask(system):
    return system.requester


def lane_of(status):
    [lane] = [lane for lane in status["lanes"] if lane["lane"] == "compute"]
    return lane


def wait_for_end(ask, uid):
    """Return the result of an item, once it has ended."""

    def results(_=None):
        return [each["result"] for each in ask.do("history_get")["items"] if each["item_uid"] == uid]

    ask.wait_for(results, f"the end of {uid}")
    return results()[0]


def dag(name, **more):
    return {"item_type": "dag", "name": name, **more}


def test_a_plan_a_scan_and_its_image_are_one_submission_across_two_lanes(system, ask, tmp_path):
    gate = tmp_path / "gate"
    batch = [
        {"item_type": "plan", "name": "hold", "args": [str(gate)], "claims": ["detector"]},
        dag("simulate_scan", kwargs={"size": 64, "coils": 4}, after=[0]),
        dag("reconstruct_image", kwargs={"kspace": {"item": 1, "file": "kspace.npy"}}),
    ]
    reply = ask.do("queue_item_add_batch", items=batch, **USER)
    plan, scan, image = (item["item_uid"] for item in reply["items"])
    assert [item.get("after") for item in reply["items"]] == [None, [plan], [scan]]

    ask.do("queue_start", **LANE)
    status = ask.wait_for(lambda status: lane_of(status)["waiting_item_uid"] == scan, "the scan to wait")
    assert lane_of(status)["waiting_for"] == f"the item {plan} of the lane 'default' to be completed"

    # A manager that is killed meanwhile changes nothing of it.
    ask.do("queue_start")
    ask.wait_for_runs()
    system.kill_manager()
    status = ask.wait_for(lambda status: status["manager_state"] == "executing_queue", "the next manager")
    awaited = {"item_uid": plan, "lane": "default", "is_held": False}
    assert (status["epoch"], lane_of(status)["comes_after"]) == (2, [awaited])

    gate.touch()
    assert wait_for_end(ask, plan)["exit_status"] == "completed"
    assert "kspace.npy" in [each["name"] for each in wait_for_end(ask, scan)["artifacts"]]
    result = wait_for_end(ask, image)
    assert result["exit_status"] == "completed"
    [picture] = [each["artifact"] for each in result["artifacts"] if each["name"] == "image.png"]
    content = (system.data / "artifacts" / picture["id"][:2] / picture["id"]).read_bytes()
    assert hashlib.sha256(content).hexdigest() == picture["id"]
    assert [entry["item_uid"] for entry in read_journal(system.data.parent / "startup")] == [plan]

    times = {each["item_uid"]: each for each in ask.do("history_get")["items"]}
    assert times[image]["kwargs"] == {"kspace": {"item_uid": scan, "file": "kspace.npy"}}
    ends = [times[uid]["result"] for uid in (plan, scan, image)]
    assert ends[0]["time_stop"] <= ends[1]["time_start"] <= ends[1]["time_stop"] <= ends[2]["time_start"]


def test_without_the_file_the_item_is_held_and_another_file_helps(ask):
    batch = [
        dag("simulate_scan", kwargs={"size": 64, "coils": 2}),
        dag("reconstruct_image", kwargs={"kspace": {"item": 0, "file": "k-space.npy"}}),
    ]
    scan, image = (item["item_uid"] for item in ask.do("queue_item_add_batch", items=batch, **USER)["items"])
    ask.do("queue_start", **LANE)
    status = ask.wait_for(lambda status: lane_of(status)["condition"] == "held", "the lane to be held")
    assert f"is to be a file 'k-space.npy' of the item {scan}, but its files are" in lane_of(status)["reason"]
    assert "'kspace.npy'" in lane_of(status)["reason"]
    item = {**dag("reconstruct_image", kwargs={"kspace": {"item_uid": scan, "file": "k*"}}), "item_uid": image}
    ask.do("queue_item_update", item=item, **LANE, **USER)
    ask.do("queue_start", **LANE)
    assert wait_for_end(ask, image)["exit_status"] == "completed"
