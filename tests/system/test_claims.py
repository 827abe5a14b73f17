"""Two lanes with workers of their own: items that need the same device run one after the other, others together.

So do items and what is done to a single device beside them.
"""

from __future__ import annotations

import shutil
from itertools import pairwise
from pathlib import Path

import pytest

from tests.processes.requester import USER
from tests.processes.system import copy_startup, read_journal

AXES = Path(__file__).parents[1] / "processes" / "axes" / "10-axes.py"
SHUTTER = {"shutter": {"default": "shutter", "b": "front_shutter"}}


@pytest.fixture
def other_startup(tmp_path):
    """The startup code of another lane."""
    return copy_startup(tmp_path / "startup-b")


@pytest.fixture
def lanes(make_system, startup, other_startup):
    """A system with two lanes that share a shutter, and whose environments are open."""
    shutil.copy(AXES, startup)
    system = make_system(startup=startup, lanes={"b": str(other_startup)}, shared_devices=SHUTTER).start()
    ask = system.requester
    for lane in ("default", "b"):
        ask.do("environment_open", lane=lane)
    ask.wait_for(
        lambda status: all(lane["worker_state"] == "idle" for lane in status["lanes"]), "two open environments"
    )
    return system


def add_hold(ask, gate, lane, **more):
    """Add a plan that lasts until ``gate`` exists; return its uid."""
    item = {"item_type": "plan", "name": "hold", "args": [str(gate)], **more}
    return ask.do("queue_item_add", item=item, lane=lane, **USER)["item"]["item_uid"]


def wait_for_run(ask, uid, lane):
    """Wait until an item has opened a run."""
    index = ("default", "b").index(lane)
    ask.wait_for(lambda status: status["lanes"][index]["running_item_uid"] == uid, f"the start of {uid}")
    ask.wait_for(lambda _: ask.do("re_runs", lane=lane)["run_list"], f"a run of {uid}")


def wait_for_wait(ask, uid, lane):
    """Wait until an item waits; return what the status says of its lane."""
    index = ("default", "b").index(lane)
    status = ask.wait_for(lambda status: status["lanes"][index]["waiting_item_uid"] == uid, f"{uid} to wait")
    return status["lanes"][index]


def check_order(ask, together, apart):
    """Check when items ran: two at the same time, some others one after the other; all of them completed."""
    ended = {entry["item_uid"]: entry["result"] for entry in ask.do("history_get")["items"]}
    assert [result["exit_status"] for result in ended.values()] == ["completed"] * 5
    times = {uid: (result["time_start"], result["time_stop"]) for uid, result in ended.items()}
    one, other = (times[uid] for uid in together)
    assert one[0] < other[1]
    assert other[0] < one[1]
    assert all(before[1] <= after[0] for before, after in pairwise(times[uid] for uid in apart))


def test_items_overlap_in_time_only_where_they_claim_different_devices(lanes, startup, other_startup, tmp_path):
    ask, gates = lanes.requester, [tmp_path / f"gate-{number}" for number in range(5)]
    # Nobody knows what the second plan of the lane default uses: it claims all of its lane, the shutter too.
    detector = add_hold(ask, gates[0], "default", claims=["detector"])
    anything = add_hold(ask, gates[1], "default")
    robot = add_hold(ask, gates[2], "b", claims=["robot"])
    shutter = add_hold(ask, gates[3], "b", claims=["front_shutter"])
    for lane in ("default", "b"):
        ask.do("queue_start", lane=lane)
    wait_for_run(ask, detector, "default")
    wait_for_run(ask, robot, "b")

    gates[0].touch()
    wait_for_run(ask, anything, "default")
    gates[2].touch()
    lane = wait_for_wait(ask, shutter, "b")
    holder = {"claim": "shutter", "lane": "default", "item_uid": anything}
    assert lane["claimed_by"] == [holder]
    assert lane["waiting_for"] == f"'shutter', which the item {anything} of the lane 'default' claims"

    lanes.kill_manager()
    # The lane that waits may be found again before the one that runs, or after it.
    status = ask.wait_for(
        lambda status: status["manager_state"] == "executing_queue" and status["lanes"][1]["claimed_by"],
        "both lanes at the next manager",
    )
    assert (status["epoch"], status["lanes"][1]["claimed_by"]) == (2, [holder])

    last = add_hold(ask, gates[4], "default", claims=["shutter"])
    gates[1].touch()
    wait_for_run(ask, shutter, "b")
    wait_for_wait(ask, last, "default")
    for gate in gates[3:]:
        gate.touch()
    ask.wait_for(lambda status: all(lane["manager_state"] == "idle" for lane in status["lanes"]), "the end of all")

    check_order(ask, together=(detector, robot), apart=(anything, shutter, last))
    assert [entry["item_uid"] for entry in read_journal(startup)] == [detector, anything, last]
    assert [entry["item_uid"] for entry in read_journal(other_startup)] == [robot, shutter]

    check_that_a_task_has_its_device_alone(ask, tmp_path / "gate-5")
    check_that_devices_are_reached_beside_a_plan(ask, tmp_path / "gate-6")
    check_that_a_plan_may_not_use_what_its_item_has_not_claimed(ask)


def wait_for_task(ask, uid):
    """Wait until a task has ended; return how."""
    ask.wait_for(lambda _: ask.do("task_status", task_uid=uid)["status"] == "completed", f"the end of the task {uid}")
    return ask.do("task_result", task_uid=uid)["result"]


def check_that_a_task_has_its_device_alone(ask, gate):
    """An item of the lane b waits for a shutter that somebody moves in the lane default, until it is stopped."""
    gate.touch()
    moving = ask.do("device_set", name="shutter", value=60, **USER)
    assert (moving["lane"], moving["name"], moving["claim"]) == ("default", "shutter", "shutter")
    uid = add_hold(ask, gate, "b", claims=["front_shutter"])
    ask.do("queue_start", lane="b")
    lane = wait_for_wait(ask, uid, "b")
    holder = {"claim": "shutter", "lane": "default", "item_uid": "", "task_uid": moving["task_uid"]}
    assert lane["claimed_by"] == [holder]
    ask.wait_for(lambda _: read_shutter(ask)["value"] > 0, "the shutter to move")
    assert wait_for_task(ask, ask.do("device_stop", name="shutter", **USER)["task_uid"])["success"] is True
    ended = wait_for_task(ask, moving["task_uid"])
    assert (ended["success"], ended["msg"]) == (False, "'shutter' has not arrived: stopped on its way")
    ask.wait_for(lambda _: last_entry(ask)["item_uid"] == uid, "the item that has waited")
    assert last_entry(ask)["result"]["time_start"] >= ended["time_stop"]


def check_that_devices_are_reached_beside_a_plan(ask, gate):
    """A plan that has claimed something else does not keep a shutter from being read and set, within its limits."""
    uid = add_hold(ask, gate, "default", claims=["detector"])
    ask.do("queue_start")
    wait_for_run(ask, uid, "default")
    target = read_shutter(ask)["value"] + 0.1
    set_it = ask.do("device_set", name="shutter", value=target, **USER)
    assert wait_for_task(ask, set_it["task_uid"])["success"] is True
    assert abs(read_shutter(ask)["value"] - target) < 0.05
    refused = wait_for_task(ask, ask.do("device_set", name="shutter", value=101, **USER)["task_uid"])
    assert (refused["success"], "beyond its limits, -100 to 100" in refused["msg"]) == (False, True)
    gate.touch()
    ask.wait_for(lambda _: last_entry(ask)["item_uid"] == uid, "the end of the plan")


def check_that_a_plan_may_not_use_what_its_item_has_not_claimed(ask):
    """A plan fails before it moves a device that its item has not claimed."""
    before = read_shutter(ask)["value"]
    item = {"item_type": "plan", "name": "touch_shutter", "claims": ["detector"]}
    uid = ask.do("queue_item_add", item=item, **USER)["item"]["item_uid"]
    ask.do("queue_start")
    ask.wait_for(lambda _: last_entry(ask)["item_uid"] == uid, "the end of the plan")
    result = last_entry(ask)["result"]
    assert result["exit_status"] == "failed"
    assert "uses the device 'shutter', which its item has not claimed (it claims: detector)" in result["msg"]
    assert read_shutter(ask)["value"] == before


def read_shutter(ask):
    """Return what the shutter tells."""
    return ask.do("device_read", name="shutter", user_group="primary")["readings"]["shutter"]


def last_entry(ask):
    """Return the item that has ended last."""
    return ask.do("history_get")["items"][-1]
