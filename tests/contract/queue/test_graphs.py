"""Processing graphs as clients see them: described, checked, sent to the lane that executes them, and ended."""

from __future__ import annotations

import pytest

from queue_server.handlers.resources import Resources
from queue_server.protocol.items import DEFAULT_LANE
from queue_server.protocol.records import Artifact, ManifestEntry
from queue_server.protocol.worker_link import (
    CatalogPage,
    Continue,
    EnvironmentOpened,
    Execute,
    ItemAcknowledged,
    REStateChanged,
)
from tests.doubles.bench import USER, Bench, plan

REBIN = {
    "dag_id": "rebin",
    "description": "Rebin.",
    "parameters": {"type": "object", "properties": {"factor": {"type": "integer"}}, "additionalProperties": False},
    "inputs": {},
}
FILE = ManifestEntry(name="image.npy", artifact=Artifact(id="0" * 64, size_bytes=8, created=1.0))


def dag(name="rebin", **parameters):
    return {"item_type": "dag", "name": name, "kwargs": parameters}


@pytest.fixture
async def lanes(store):
    """A bench with the lane default and two more, of which ``compute`` executes graphs."""
    bench = await Bench.begin(store, lanes=(DEFAULT_LANE, "b", "compute"))
    bench.resources.graph_lanes = ("compute",)
    yield bench
    await bench.end()


@pytest.fixture
async def bench(lanes):
    """The same as the worker of the lane of graphs sees it, with an open environment."""
    bench = lanes.in_lane("compute")
    await bench.do("environment_open", lane="compute")
    bench.hello(environment="loading")
    bench.tell(CatalogPage, catalog="dags", first=True, entries={"rebin": REBIN})
    await bench.report(EnvironmentOpened)
    return bench


@pytest.fixture
async def running(bench):
    """The uid of a graph that is executed."""
    [uid] = [(await bench.do("queue_item_add", item=dag(factor=2), **USER))["item"]["item_uid"]]
    await bench.do("queue_start", lane="compute")
    bench.tell(ItemAcknowledged, attempt=bench.key)
    await bench.report(REStateChanged, attempt=bench.key, re_state="computing")
    return uid


async def test_graphs_are_listed_with_their_schema_and_kept_for_the_next_manager(bench, store):
    for reply in (
        await bench.do("dags_allowed", user_group="primary"),
        await bench.do("dags_allowed", user_group="primary", lane="compute"),
    ):
        assert reply["dags_allowed"] == {"rebin": REBIN}
    existing = await bench.do("dags_existing")
    assert existing["dags_existing"] == {"rebin": REBIN}
    assert existing["dags_existing_uid"] == bench.status["plans_existing_uid"]
    assert (await bench.do("dags_existing", lane="b"))["dags_existing"] == {}
    assert (await bench.do("plans_existing", lane="compute"))["plans_existing"] == {}
    following = Resources(graph_lanes=("compute",))
    await store.transact(lambda tx: following.restore(tx, (DEFAULT_LANE, "b", "compute")))
    assert following.catalog_of("compute").dags_allowed("primary") == {"rebin": REBIN}
    assert not following.catalog_of("b").for_group("primary").executes_graphs


async def test_permissions_that_are_set_leave_the_graphs_known(bench):
    only_other = {"root": {"allowed_plans": [None]}, "primary": {"allowed_plans": ["other"]}}
    await bench.do("permissions_set", user_group_permissions={"user_groups": only_other})
    assert (await bench.do("dags_allowed", user_group="primary"))["dags_allowed"] == {}
    assert (await bench.do("dags_existing"))["dags_existing"] == {"rebin": REBIN}


async def test_a_graph_without_a_lane_goes_to_the_only_lane_of_graphs(bench):
    added = await bench.do("queue_item_add", item=dag(factor=2), **USER)
    assert (added["item"]["lane"], added["qsize"]) == ("compute", 1)
    batch = await bench.do("queue_item_add_batch", items=[dag(), dag(factor=3)], **USER)
    assert {item["lane"] for item in batch["items"]} == {"compute"}
    assert batch["qsize"] == 3
    assert len((await bench.do("queue_get", lane="compute"))["items"]) == 3
    assert (await bench.do("queue_get"))["items"] == []


async def test_without_one_lane_of_graphs_it_is_said_what_to_do(bench):
    for lanes, said in (((), "--lane compute=graphs:sim"), (("b", "compute"), "b, compute. Name one of them")):
        bench.resources.graph_lanes = lanes
        reply = await bench.refuse("queue_item_add", item=dag(), **USER)
        assert said in reply["msg"]
        assert reply["error"]["details"]["field"] == "lane"


async def test_plans_and_graphs_are_refused_in_lanes_of_the_other(bench):
    assert "no plans" in (await bench.refuse("queue_item_add", item=plan(), lane="compute", **USER))["msg"]
    for lane in (DEFAULT_LANE, "b"):
        assert "no processing graphs" in (await bench.refuse("queue_item_add", item=dag(), lane=lane, **USER))["msg"]
        both = await bench.refuse("queue_item_add_batch", items=[plan(), dag()], lane=lane, **USER)
        assert [each["success"] for each in both["results"]] == [True, False]
    verdicts = await bench.do(
        "item_validate", items=[plan(), dag(), dag(factor=1.5)], lane="compute", user_group="primary"
    )
    assert [each["valid"] for each in verdicts["results"]] == [False, True, False]


async def test_a_graph_runs_and_its_files_are_in_the_history(bench, running):
    assert bench.lane.queue == "running"
    [order] = bench.sent(Execute)
    assert (order.content["item_type"], order.content["name"], order.content["kwargs"]) == (
        "dag",
        "rebin",
        {"factor": 2},
    )
    await bench.finish(points=4, artifacts=(FILE,))
    [entry] = (await bench.do("history_get", lane="compute"))["items"]
    assert (entry["item_uid"], entry["result"]["exit_status"], entry["result"]["points"]) == (running, "completed", 4)
    assert entry["result"]["artifacts"] == [FILE.model_dump()]


async def test_what_leaves_no_files_behind_says_nothing_of_artifacts(bench, running):
    await bench.finish()
    [entry] = (await bench.do("history_get", lane="compute"))["items"]
    assert "artifacts" not in entry["result"]


async def test_a_graph_is_executed_at_once_where_that_is_asked_for(bench):
    reply = await bench.do("queue_item_execute", item=dag(factor=2), **USER)
    assert reply["item"]["lane"] == "compute"
    assert bench.key.item_uid == reply["item"]["item_uid"]


@pytest.mark.parametrize("order", ["stop", "abort", "halt"])
async def test_a_running_graph_can_be_ended_and_not_be_paused(bench, running, order):
    assert "cannot be paused" in (await bench.ask("re_pause", lane="compute"))["msg"]
    assert (await bench.ask("re_resume", lane="compute"))["success"] is False
    await bench.do(f"re_{order}", lane="compute")
    assert [message.option for message in bench.sent(Continue)] == [order]
    assert f"about to {order}" in (await bench.ask("re_abort", lane="compute"))["msg"]
    assert bench.status["lanes"][2]["re_state"] == "computing"
