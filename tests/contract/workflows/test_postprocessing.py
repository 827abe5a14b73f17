"""The files of the ranked results are processed together, once for all results that come while that waits."""

from __future__ import annotations

import hashlib

import pytest

from queue_server.protocol.worker_link import Execute
from tests.contract.workflows.conftest import POSTPROCESSING, WORKFLOW, make_file
from tests.doubles.bench import USER, Bench


@pytest.fixture
async def ranked(bench, register):
    """The workflow with a post-processing, and two groups."""
    await register(postprocessing=POSTPROCESSING)
    for name in ("a", "b"):
        await bench.do("workflow_group_add", group={"id": name, "name": name, "workflow_id": "peak"}, **USER)


async def waiting(bench):
    return (await bench.do("queue_get", lane="compute"))["items"]


def artifact(uid):
    return hashlib.sha256(uid.encode()).hexdigest()


def taken(bench):
    """Return the files that the worker of graphs was sent last."""
    order = [order for order in bench.sent(Execute) if order.attempt.lane == "compute"][-1]
    return order.content["kwargs"]["files"]


async def test_the_first_result_sets_it_off(bench, ranked, score):
    uid = await score(1.0, group="a")
    [item] = await waiting(bench)
    assert (item["name"], item["kwargs"]) == ("average", {"files": [artifact(uid)]})
    assert (item["user"], item["user_group"]) == ("jdoe", "primary")
    served = (await bench.do("workflow_get", workflow_id="peak"))["postprocessing"]
    assert (served["state"], served["group_id"], served["workflow_id"]) == ("queued", None, "peak")
    assert served["request"] == {"postprocessing": True}


async def test_many_results_give_one_that_takes_the_best_when_it_starts(bench, ranked, score, compute):
    heights = [1.0, 3.0, 2.0]
    uids = [await score(height, group="a") for height in heights]
    other = await score(2.5, group="b")
    assert len(await waiting(bench)) == 1
    await compute.begin()
    assert taken(bench) == [artifact(uids[1]), artifact(other)]
    assert await waiting(bench) == []


async def test_what_comes_while_it_runs_gives_another_one(bench, ranked, score, compute):
    await score(1.0, group="a")
    await compute.begin()
    better = await score(2.0, group="a")
    assert len(await waiting(bench)) == 1
    await compute.end()
    # The queue goes on by itself.
    assert taken(bench) == [artifact(better)]
    assert await waiting(bench) == []


async def test_a_result_outside_of_the_best_gives_none(bench, ranked, score, compute):
    await score(2.0, group="a")
    await compute()
    await score(1.0, group="a")
    assert await waiting(bench) == []


async def test_the_latest_success_is_served_with_its_files(bench, ranked, score, compute):
    await score(1.0, group="a")
    for method in ("workflow_result_archive", "workflow_result_file"):
        more = {"file_id": "x"} if method.endswith("file") else {}
        assert (await bench.refuse(method, workflow_id="peak", **more))["error"]["code"] == "not_found"
    await compute(files=[make_file("plot.png", "one"), make_file("table.csv", "two")])
    served = (await bench.do("workflow_ranking", workflow_id="peak"))["postprocessing"]
    manifest = await bench.do("workflow_result_archive", workflow_id="peak")
    assert manifest["submission_id"] == served["id"]
    assert [file["name"] for file in manifest["manifest"]] == ["plot.png", "table.csv"]
    assert manifest["manifest"] == served["results"][0]["files"]
    [first, _] = manifest["manifest"]
    found = await bench.do("workflow_result_file", workflow_id="peak", file_id=first["id"])
    assert found["file"] == first
    # A later one that fails changes nothing of that.
    await score(2.0, group="a")
    await compute("failed")
    again = (await bench.do("workflow_get", workflow_id="peak"))["postprocessing"]
    assert again["id"] == served["id"]


async def test_it_is_told_nothing_of_the_metrics_and_is_not_ranked(bench, ranked, score, compute):
    uid = await score(1.0, group="a")
    await compute(files=[make_file("plot.png", "one")])
    order = [order for order in bench.sent(Execute) if order.attempt.lane == "compute"][-1]
    assert order.extraction is None
    entries = (await bench.do("workflow_ranking", workflow_id="peak", include_all=True))["ranking"]
    assert [entry["submission_id"] for entry in entries] == [uid]


async def test_forgetting_one_of_the_best_gives_another_one(bench, ranked, score, compute):
    second, best = await score(1.0, group="a"), await score(2.0, group="a")
    await compute()
    await bench.do("submission_remove", submission_id=best, **USER)
    assert len(await waiting(bench)) == 1
    await compute()
    assert taken(bench) == [artifact(second)]
    await bench.do("workflow_group_remove", group_id="a", **USER)
    assert await waiting(bench) == []


async def test_forgetting_another_one_gives_none(bench, ranked, score, compute):
    second = await score(1.0, group="a")
    await score(2.0, group="a")
    await compute()
    await bench.do("submission_remove", submission_id=second, **USER)
    assert await waiting(bench) == []


async def test_a_restart_loses_none(bench, ranked, score, store):
    first = await score(1.0, group="a")
    better = await score(3.0, group="b")
    [item] = await waiting(bench)
    await bench.end()
    again = await Bench.begin(store, lanes=("default", "compute"))
    again.resources.graph_lanes = ("compute",)
    try:
        assert await waiting(again) == [item]
        known = (await again.do("workflow_get", workflow_id="peak"))["postprocessing"]
        assert known["item_uid"] == item["item_uid"]
        assert {first, better} == {
            each["submission_id"] for each in (await again.do("workflow_ranking", workflow_id="peak"))["ranking"]
        }
    finally:
        await again.end()


async def test_what_cannot_be_queued_is_recorded_and_stops_nothing(bench, register, score):
    wrong = {**POSTPROCESSING, "item": {**POSTPROCESSING["item"], "name": "unheard_of"}}
    await register(postprocessing=wrong)
    uid = await score(1.0)
    assert await waiting(bench) == []
    assert "workflow_postprocessing_refused" in bench.events()
    [entry] = (await bench.do("workflow_ranking", workflow_id="peak"))["ranking"]
    assert entry["submission_id"] == uid


async def test_plans_may_process_too_and_are_told_whose_files_they_are(bench, register, score, run):
    item = {"item_type": "plan", "name": "scan", "args": ["$[[data.npy]]"], "meta": {"of": "$[[submissions]]"}}
    await register(postprocessing={"item": item, "files": ["data.npy"]})
    uid = await score(1.0)
    await run()
    order = bench.sent(Execute)[-1]
    assert order.content["args"] == [[artifact(uid)]]
    assert order.content["meta"] == {"of": [uid]}
    assert WORKFLOW["id"] == "peak"
