"""Batches whose items go to several lanes: each names its own, all are added together or none."""

from __future__ import annotations

import pytest

from queue_server.core.events import QueueChanged
from queue_server.protocol.items import DEFAULT_LANE
from queue_server.protocol.limits import DEFAULT_LIMITS
from queue_server.protocol.worker_link import CatalogPage, EnvironmentOpened
from tests.doubles.bench import USER, Bench, plan

LANES = (DEFAULT_LANE, "b", "compute")
REBIN = {"dag_id": "rebin", "description": "", "parameters": {"type": "object", "properties": {}}, "inputs": {}}


def dag(**more):
    return {"item_type": "dag", "name": "rebin", "kwargs": {}, **more}


@pytest.fixture
async def bench(store):
    """A bench with the lane default and two more, of which ``compute`` is open for graphs."""
    lanes = await Bench.begin(store, lanes=LANES)
    lanes.resources.graph_lanes = ("compute",)
    compute = lanes.in_lane("compute")
    await compute.do("environment_open", lane="compute")
    compute.hello(environment="loading")
    compute.tell(CatalogPage, catalog="dags", first=True, entries={"rebin": REBIN})
    await compute.report(EnvironmentOpened)
    yield lanes
    await lanes.end()


async def queue_of(bench, lane):
    """Return the uids of what waits in a lane, in order."""
    return [item["item_uid"] for item in (await bench.do("queue_get", lane=lane))["items"]]


async def test_each_item_goes_to_its_own_lane_in_the_order_of_the_batch(bench):
    sent = [plan(lane="b"), plan("scan"), dag(lane="compute"), plan("scan", lane="b"), plan(lane=DEFAULT_LANE), dag()]
    reply = await bench.do("queue_item_add_batch", items=sent, **USER)
    uids = [item["item_uid"] for item in reply["items"]]
    assert [item.get("lane", DEFAULT_LANE) for item in reply["items"]] == [
        "b", DEFAULT_LANE, "compute", "b", DEFAULT_LANE, "compute",
    ]  # fmt: skip
    assert reply["qsize"] == 2
    assert await queue_of(bench, "b") == [uids[0], uids[3]]
    assert await queue_of(bench, DEFAULT_LANE) == [uids[1], uids[4]]
    assert await queue_of(bench, "compute") == [uids[2], uids[5]]
    assert "lane" not in (await bench.do("queue_item_get", uid=uids[4]))["item"]


async def test_the_size_is_that_of_the_lane_of_items_that_name_none(bench):
    await bench.do("queue_item_add", item=plan(), **USER)
    reply = await bench.do("queue_item_add_batch", items=[plan(lane="b"), plan(lane="b")], **USER)
    assert reply["qsize"] == 1
    reply = await bench.do("queue_item_add_batch", items=[plan(lane="b"), dag()], **USER)
    assert (reply["qsize"], len(await queue_of(bench, "b"))) == (1, 3)


async def test_the_lane_of_a_request_holds_for_all_its_items(bench):
    reply = await bench.do("queue_item_add_batch", items=[plan(), plan(lane="no such lane")], lane="b", **USER)
    assert await queue_of(bench, "b") == [item["item_uid"] for item in reply["items"]]


@pytest.mark.parametrize(
    ("lane", "said"), [("attic", "There is no lane 'attic'"), (5, "'item.lane' is the name of a lane, not 5")]
)
async def test_a_lane_that_is_none_refuses_the_whole_batch_and_says_which_item_names_it(bench, lane, said):
    reply = await bench.refuse("queue_item_add_batch", items=[plan(lane="b"), plan(lane=lane)], **USER)
    assert [result["success"] for result in reply["results"]] == [True, False]
    assert said in reply["results"][1]["msg"]
    assert [await queue_of(bench, each) for each in LANES] == [[], [], []]


async def test_items_are_judged_for_the_lanes_to_which_they_would_be_added(bench):
    sent = [plan(), plan(lane="compute"), dag(), dag(lane="b"), plan(lane="attic"), {"item_type": "acquisition"}]
    verdicts = (await bench.do("item_validate", items=sent, user_group="primary"))["results"]
    assert [each["valid"] for each in verdicts] == [True, False, True, False, False, False]
    assert verdicts[4]["errors"][0]["field"] == "item.lane"
    assert "the lane of a device that connects by itself" in verdicts[5]["msg"]


async def test_an_item_that_does_not_fit_its_lane_refuses_the_whole_batch(bench):
    reply = await bench.refuse("queue_item_add_batch", items=[plan(), plan(lane="compute")], **USER)
    assert "executes processing graphs, and no plans" in reply["results"][1]["msg"]
    assert await queue_of(bench, DEFAULT_LANE) == []


async def test_several_lanes_have_fronts_and_backs_and_no_other_place_in_common(bench):
    reply = await bench.do("queue_item_add_batch", items=[plan(), plan(lane="b")], **USER)
    first = [item["item_uid"] for item in reply["items"]]
    both = [plan("scan"), plan("scan", lane="b")]
    for place in ({"pos": 0}, {"before_uid": first[0]}, {"after_uid": first[1]}):
        reply = await bench.refuse("queue_item_add_batch", items=both, **place, **USER)
        assert "is a place in one lane, and the items go to b, default" in reply["msg"]
        assert reply["error"]["details"]["field"] in place
    reply = await bench.do("queue_item_add_batch", items=both, pos="front", **USER)
    ahead = [item["item_uid"] for item in reply["items"]]
    assert [await queue_of(bench, lane) for lane in LANES[:2]] == [[ahead[0], first[0]], [ahead[1], first[1]]]


async def test_a_lane_that_is_full_refuses_what_goes_to_the_others_too(bench):
    # The size is counted in the state; so the limit is reached without a hundred thousand rows.
    await bench.engine.post(lambda turn: turn.apply(QueueChanged("b", DEFAULT_LIMITS.max_queue_items)))
    reply = await bench.refuse("queue_item_add_batch", items=[plan(), plan(lane="b")], **USER)
    assert str(DEFAULT_LIMITS.max_queue_items) in reply["msg"]
    assert await queue_of(bench, DEFAULT_LANE) == []


async def test_what_went_to_a_lane_is_taken_back_in_that_lane(bench):
    await bench.do("queue_item_add_batch", items=[plan(), plan(lane="b"), plan(lane="b")], **USER)
    undone = await bench.do("queue_undo", lane="b")
    assert (undone["undone"][0]["items"], undone["qsize"]) == (2, 0)
    assert [len(await queue_of(bench, lane)) for lane in LANES] == [1, 0, 0]
