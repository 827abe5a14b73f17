"""Two lanes with workers of their own: items that need the same device run one after the other, others together."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.processes.requester import USER
from tests.processes.system import copy_startup, read_journal

SHUTTER = {"shutter": {"default": "shutter", "b": "front_shutter"}}


@pytest.fixture
def other_startup(tmp_path):
    """The startup code of another lane."""
    return copy_startup(tmp_path / "startup-b")


@pytest.fixture
def lanes(make_system, startup, other_startup):
    """A system with two lanes that share a shutter, and whose environments are open."""
    system = make_system(startup=startup, lanes={"b": str(other_startup)}, shared_devices=SHUTTER).start()
    ask = system.requester
    for lane in ("default", "b"):
        ask.do("environment_open", lane=lane)
    ask.wait_for(
        lambda status: all(lane["worker_state"] == "idle" for lane in status["lanes"]), "two open environments", 40
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
    status = ask.wait_for(lambda status: status["manager_state"] == "executing_queue", "the next manager")
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
