"""Every method that knows lanes acts in the lane that is named, and in no other; without a name nothing is new."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from queue_server.clock import Chance, ManualClock
from queue_server.protocol.codec import decode
from queue_server.protocol.items import DEFAULT_LANE
from queue_server.protocol.method import LaneParams
from queue_server.protocol.methods import METHODS
from queue_server.protocol.worker_link import Metadata
from queue_server.storage.memory import open_memory
from tests.doubles.bench import INSTRUCTION, PATIENCE_S, PLANS, USER, Bench, describe_plan, plan

LANES = (DEFAULT_LANE, "b")
# In each state: whether the environment is open, whether the queue runs, and what was done then.
STATES = ("closed", "filled", "open", "held", "running", "stopping", "paused")
FUNCTION = {"item_type": "function", "name": "f"}
# The state in which a request fits, and its parameters; "uid" stands for an item of the lane.
CHANGES = {
    "environment_open": ("closed", {}),
    "environment_close": ("open", {}),
    "environment_destroy": ("open", {}),
    "environment_update": ("open", {}),
    "queue_start": ("open", {}),
    "queue_stop": ("running", {}),
    "queue_stop_cancel": ("stopping", {}),
    "queue_mode_set": ("closed", {"mode": {"loop": True}}),
    "queue_clear": ("filled", {}),
    "queue_item_add": ("filled", {"item": plan(), "before_uid": "uid", **USER}),
    "queue_item_add_batch": ("filled", {"items": [plan(), INSTRUCTION], "after_uid": "uid", **USER}),
    "queue_item_update": ("filled", {"item": {**plan("scan"), "item_uid": "uid"}, "replace": True, **USER}),
    "queue_item_move": ("filled", {"uid": "uid", "pos_dest": "back"}),
    "queue_item_remove": ("filled", {"pos": "front"}),
    "queue_item_hold": ("filled", {"uid": "uid", "reason": "not yet"}),
    "queue_item_release": ("held", {"uid": "uid"}),
    "queue_item_remove_batch": ("filled", {"uids": ["uid"]}),
    "queue_item_move_batch": ("filled", {"uids": ["uid"], "pos_dest": "back"}),
    "queue_undo": ("filled", {}),
    "queue_item_execute": ("open", {"item": plan(), **USER}),
    "queue_autostart": ("closed", {"enable": True}),
    "function_execute": ("open", {"item": FUNCTION, **USER}),
    "device_set": ("open", {"name": "det1", "value": 1, **USER}),
    "device_stop": ("open", {"name": "det1", **USER}),
    "re_pause": ("running", {"option": "immediate"}),
    "re_resume": ("paused", {}),
    "re_stop": ("paused", {}),
    "re_abort": ("paused", {}),
    "re_halt": ("paused", {}),
}
READS = {
    "queue_get": {},
    "queue_item_get": {"pos": 0},
    "item_validate": {"items": [plan("only_b")], "user_group": "primary"},
    "re_runs": {},
    "re_metadata": {},
    "plans_allowed": {"user_group": "primary"},
    "plans_existing": {},
    "devices_allowed": {"user_group": "primary"},
    "devices_existing": {},
    "devices_page": {"user_group": "primary"},
    "device_locate": {"name": "det1", "user_group": "primary"},
    "dags_allowed": {"user_group": "primary"},
    "dags_existing": {},
}
# Scripts are refused here, whatever the lane; a test of their own is below. A device is read by a worker that answers.
# What comes from workflows has tests of its own.
APART = {"script_upload": {"script": "x = 1"}, "device_read": {"name": "det1", "user_group": "primary"}}
ELSEWHERE = ("batch_create", "submission_add")
"""In contract/batches/test_creation.py and contract/workflows/test_submissions.py."""
BY_UID = {
    "queue_item_get": {"uid": "uid"},
    "queue_item_update": {"item": {**plan("scan"), "item_uid": "uid"}, **USER},
    "queue_item_move": {"uid": "uid", "pos_dest": "back"},
    "queue_item_remove": {"uid": "uid"},
    "queue_item_hold": {"uid": "uid"},
    "queue_item_release": {"uid": "uid"},
    "queue_item_remove_batch": {"uids": ["uid"], "ignore_missing": False},
    "queue_item_move_batch": {"uids": ["uid"], "pos_dest": "front"},
    "queue_item_add": {"item": plan(), "before_uid": "uid", **USER},
    "queue_item_add_batch": {"items": [plan()], "after_uid": "uid", **USER},
    "queue_get": {"after_uid": "uid"},
}


@pytest.fixture
async def both(store):
    """A manager with two lanes, as the worker of each."""
    bench = await Bench.begin(store, lanes=LANES)
    yield {name: bench.in_lane(name) for name in LANES}
    await bench.end()


async def arrange(bench, state):
    """Bring the lane of a bench into a state; return the uid of the item at its front, or of the one that runs."""
    if state == "closed":
        return ""
    if state in ("open", "running", "stopping", "paused"):
        await bench.open()
    uids = await bench.add("count", "scan", "count")
    if state == "held":
        await bench.do("queue_item_hold", uid=uids[0], reason="not yet", **bench.named)
    if state in ("running", "stopping", "paused"):
        await bench.do("queue_start", **bench.named)
        await bench.run_plan()
    if state == "stopping":
        await bench.do("queue_stop", **bench.named)
    if state == "paused":
        await bench.do("re_pause", option="immediate", **bench.named)
        await bench.pause()
    return uids[0]


def fill(value, uid) -> Any:
    """Put the uid of an item where one is wanted."""
    if isinstance(value, dict):
        return {name: fill(each, uid) for name, each in value.items()}
    if isinstance(value, list):
        return [fill(each, uid) for each in value]
    return uid if value == "uid" else value


async def look(bench):
    """Return everything that one lane is: its state, its rows, and what left for its worker."""
    lane = bench.lane
    sent = [entry for entry in bench.journal if entry[0] in ("send", "start", "kill") and lane_of(bench, entry)]
    rows = await bench.store.transact(
        lambda tx: (tx.queue(lane.name), [entry for entry in tx.running() if entry.item.lane == lane.name])
    )
    return lane, rows, sent


def lane_of(bench, entry):
    return entry[1] in (bench.lane_name, bench.lane.worker.incarnation)


def test_every_method_that_knows_lanes_is_tested_here():
    known = {name for name, method in METHODS.items() if issubclass(method.params, LaneParams)}
    assert known == {*CHANGES, *READS, *APART, *ELSEWHERE}
    assert {state for state, _ in CHANGES.values()} <= set(STATES)


@pytest.mark.parametrize("lane", LANES)
@pytest.mark.parametrize("method", CHANGES)
async def test_a_request_acts_in_its_lane_and_leaves_the_other_alone(both, method, lane):
    state, params = CHANGES[method]
    uids = {name: await arrange(bench, state) for name, bench in both.items()}
    other = next(name for name in LANES if name != lane)
    before, since = {name: await look(bench) for name, bench in both.items()}, len(both[lane].journal)
    await both[lane].do(method, **fill(params, uids[lane]), **both[lane].named)
    await both[lane].settle()
    after = {name: await look(bench) for name, bench in both.items()}
    assert after[other] == before[other]
    assert after[lane] != before[lane]
    assert {event.lane for (event,) in both[lane].noted("event", since)} == {lane}


@pytest.mark.parametrize("method", [*CHANGES, *READS, *sorted(APART)])
async def test_an_unknown_lane_is_refused_with_the_list_of_lanes(both, method):
    for bench in both.values():
        await arrange(bench, "filled")
    params = CHANGES[method][1] if method in CHANGES else {**READS, **APART}[method]
    before = {name: await look(bench) for name, bench in both.items()}
    refused = await both["b"].refuse(method, **params, lane="c")
    assert "There is no lane 'c'. Lanes: ['default', 'b']." in refused["msg"]
    assert refused["error"]["code"] == "not_found"
    assert {name: await look(bench) for name, bench in both.items()} == before


@pytest.mark.parametrize("lane", [5, "", ["b"]])
async def test_a_lane_is_a_name(both, lane):
    refused = await both["b"].refuse("queue_start", lane=lane)
    assert "'lane'" in refused["msg"]


@pytest.mark.parametrize("method", BY_UID)
async def test_an_item_is_found_in_its_own_lane_only(both, method):
    for bench in both.values():
        await bench.add("count", "scan")
    [uid, _] = await both["b"].uids()
    refused = await both[DEFAULT_LANE].refuse(method, **fill(BY_UID[method], uid))
    assert uid in refused["msg"] or "not in the queue" in refused["msg"]


async def test_who_asks_in_the_wrong_lane_is_told_the_right_one(both):
    [uid] = await both["b"].add("count")
    assert "It is in the lane 'b'." in (await both[DEFAULT_LANE].refuse("queue_item_remove", uid=uid))["msg"]
    [ours] = await both[DEFAULT_LANE].add("count")
    assert "It is in the lane 'default'." in (await both["b"].refuse("queue_item_hold", uid=ours, lane="b"))["msg"]


@pytest.mark.parametrize(
    "method", [*CHANGES, *(name for name in READS if name not in ("re_metadata", "item_validate"))]
)
async def test_without_a_lane_the_answer_is_that_of_a_manager_without_other_lanes(method):
    """Byte for byte; only the uids of shared revisions could differ, and here nothing happens in the other lane."""
    answers = []
    for lanes in ((DEFAULT_LANE,), LANES):
        store = open_memory(clock=ManualClock(), chance=Chance.seeded(1))
        bench = await Bench.begin(store, lanes=lanes)
        state, params = CHANGES.get(method, ("running", READS.get(method, {})))
        uid = await arrange(bench, state)
        async with asyncio.timeout(PATIENCE_S):
            answers.append(await bench.request(method, **fill(params, uid)))
        assert decode(answers[-1])[0]["success"] is True
        await bench.end()
        await store.close()
    assert answers[0] == answers[1]


async def test_each_lane_shows_its_own_items_and_only_other_lanes_are_named(both):
    for name, bench in both.items():
        await bench.open()
        await bench.add("count", "scan")
        await bench.do("queue_start", **bench.named)
        await bench.run_plan(f"run of {name}")
    for name, bench in both.items():
        shown = await bench.do("queue_get", **bench.named)
        runs = await bench.do("re_runs", **bench.named)
        assert shown["running_item"]["item_uid"] == bench.key.item_uid
        assert [run["uid"] for run in runs["run_list"]] == [f"run of {name}"]
        [item] = shown["items"]
        assert (item["name"], item.get("lane"), shown["running_item"].get("lane")) == (
            "scan",
            *2 * ((None,) if name == DEFAULT_LANE else (name,)),
        )
        await bench.do("queue_stop", **bench.named)
        await bench.finish()
    history = (await both["b"].do("history_get"))["items"]
    assert [entry.get("lane") for entry in history] == [None, "b"]
    assert len((await both["b"].do("history_get", lane="b"))["items"]) == 1


async def test_each_lane_has_its_own_plans_and_devices(both):
    await both[DEFAULT_LANE].open()
    await both["b"].open(plans={"only_b": describe_plan("only_b", "detectors"), "count": PLANS["count"]})
    existing = {
        name: set((await bench.do("plans_existing", **bench.named))["plans_existing"]) for name, bench in both.items()
    }
    assert existing == {DEFAULT_LANE: set(PLANS), "b": {"only_b", "count"}}
    bench = both["b"]
    assert "only_b" in (await bench.do("plans_allowed", user_group="primary", lane="b"))["plans_allowed"]
    assert "scan" in (await bench.refuse("queue_item_add", item=plan("scan"), lane="b", **USER))["msg"]
    assert "only_b" in (await bench.refuse("queue_item_add", item=plan("only_b"), **USER))["msg"]
    assert (await bench.do("queue_item_add", item=plan("only_b"), lane="b", **USER))["qsize"] == 1
    verdicts = [await bench.do("item_validate", **READS["item_validate"], **lane) for lane in ({}, {"lane": "b"})]
    assert [each["valid"] for each in verdicts] == [False, True]


async def test_permissions_that_are_set_hold_in_all_lanes(both):
    for bench in both.values():
        await bench.open()
    only_count = {"root": {"allowed_plans": [None]}, "primary": {"allowed_plans": ["count"]}}
    await both["b"].do("permissions_set", user_group_permissions={"user_groups": only_count})
    for bench in both.values():
        allowed = await bench.do("plans_allowed", user_group="primary", **bench.named)
        assert set(allowed["plans_allowed"]) == {"count"}
        await bench.refuse("queue_item_add", item=plan("scan"), **USER, **bench.named)


async def test_each_lane_has_the_metadata_of_its_own_worker(both):
    for name, bench in both.items():
        await bench.open()
        bench.intake.hear_metadata(name, bench.incarnation, Metadata(values={"place": name}))
    for name, bench in both.items():
        assert (await bench.do("re_metadata", **bench.named))["re_metadata"] == {"place": name}


async def test_the_lanes_are_listed_as_the_status_describes_them(both):
    await both["b"].open()
    await both["b"].add("count")
    listed = (await both["b"].do("lanes_get"))["lanes"]
    assert listed == both["b"].status["lanes"]
    assert [(lane["lane"], lane["worker_environment_exists"], lane["items_in_queue"]) for lane in listed] == [
        (DEFAULT_LANE, False, 0),
        ("b", True, 1),
    ]


async def test_lanes_run_side_by_side_and_the_death_of_one_worker_is_nothing_to_the_other(both):
    for bench in both.values():
        await arrange(bench, "running")
    assert [bench.lane.queue for bench in both.values()] == ["running", "running"]
    await both["b"].exit("killed by SIGSEGV")
    assert (both["b"].lane.condition, both["b"].lane.worker.environment) == ("held", "closed")
    survivor = both[DEFAULT_LANE]
    assert (survivor.lane.condition, survivor.lane.queue) == ("open", "running")
    await survivor.finish()
    assert survivor.lane.attempt is not None
    status = survivor.status
    assert (status["manager_state"], status["lanes"][1]["manager_state"]) == ("executing_queue", "idle")


async def test_an_undo_takes_back_what_was_done_in_its_lane(both):
    [first] = await both["b"].add("count")
    await both[DEFAULT_LANE].add("scan")
    undone = await both["b"].do("queue_undo", lane="b")
    assert undone["undone"][0]["item_uids"] == [first]
    assert (await both["b"].uids(), len(await both[DEFAULT_LANE].uids())) == ([], 1)
