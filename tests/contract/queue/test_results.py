"""What an item says of its results reaches the worker; what the worker takes of an attempt can be asked for."""

from __future__ import annotations

import pytest

from queue_server.protocol.items import Item
from queue_server.protocol.rankings import PostprocessingRun
from queue_server.protocol.result_schema import Extraction
from queue_server.protocol.submissions import Submission
from queue_server.protocol.worker_link import Execute
from queue_server.protocol.workflows import Workflow, WorkflowFields
from tests.doubles.bench import USER, plan

SCHEMA = {"columns": [{"name": "x", "dtype": "float", "field": "det", "statistic": "max"}]}
ARTIFACT = {"id": "a" * 64, "size_bytes": 12, "content_type": "text/csv", "created": 5.0}
FILE = {"name": "points.csv", "artifact": ARTIFACT}


@pytest.fixture
async def begun(bench):
    """Begin with a plan, and return its uid."""

    async def run(**more):
        if bench.lane.worker.environment != "open":
            await bench.open()
        uids = await bench.add("count", **more)
        await bench.do("queue_start")
        await bench.run_plan()
        return uids[0]

    return run


async def test_what_an_item_says_of_its_results_is_sent_to_the_worker(bench, begun):
    await begun(result_schema=SCHEMA, outputs=["a.csv"])
    [order] = bench.sent(Execute)
    assert order.extraction == Extraction.model_validate({"result_schema": SCHEMA, "outputs": ["a.csv"]})
    assert (order.content["result_schema"], order.content["outputs"]) == (SCHEMA, ["a.csv"])


async def test_an_item_that_says_nothing_has_no_extraction(bench, begun):
    await begun()
    assert bench.sent(Execute)[0].extraction is None


async def test_what_the_workflow_of_a_submission_says_goes_before_what_the_item_says(bench, store):
    await bench.open()
    [uid] = await bench.add("count", outputs=["own.csv"])
    says = {"result_schema": SCHEMA, "outputs": [{"source": "a.csv"}, {"source": "b.csv", "key": "other"}]}
    fields = WorkflowFields.model_validate({"id": "w", "plan": plan(), **says})

    def follow(tx):
        tx.put_workflow(Workflow(fields, 1, "ada", 1.0))
        tx.add_submissions([Submission(uid, "default", "ada", 1.0, workflow="w", version=1)])

    await store.transact(follow)
    await bench.do("queue_start")
    wanted = {"result_schema": SCHEMA, "outputs": ["a.csv", "b.csv"]}
    assert bench.sent(Execute)[0].extraction == Extraction.model_validate(wanted)


async def test_what_works_on_the_results_of_a_workflow_has_none_of_these_itself(bench, store):
    await bench.open()
    [uid] = await bench.add("count")
    fields = WorkflowFields.model_validate({"id": "w", "plan": plan(), "result_schema": SCHEMA})

    def follow(tx):
        tx.put_workflow(Workflow(fields, 1, "ada", 1.0))
        tx.add_submissions([Submission(uid, "default", "ada", 1.0, workflow="w", version=1)])
        tx.add_postprocessing(PostprocessingRun("w", uid, ()))

    await store.transact(follow)
    await bench.do("queue_start")
    assert bench.sent(Execute)[0].extraction is None


async def test_a_workflow_that_says_nothing_leaves_it_to_the_item(bench, store):
    await bench.open()
    [uid] = await bench.add("count", outputs=["own.csv"])
    fields = WorkflowFields.model_validate({"id": "w", "plan": plan()})

    def follow(tx):
        tx.put_workflow(Workflow(fields, 1, "ada", 1.0))
        tx.add_submissions([Submission(uid, "default", "ada", 1.0, workflow="w", version=1)])

    await store.transact(follow)
    await bench.do("queue_start")
    assert bench.sent(Execute)[0].extraction == Extraction(outputs=("own.csv",))


async def test_it_is_sent_again_where_the_order_was_lost(bench, begun):
    await bench.open()
    await bench.add("count", result_schema=SCHEMA)
    await bench.do("queue_start")
    bench.hello(environment="open", re_state="idle")
    await bench.settle()
    first, second = bench.sent(Execute)
    assert first == second
    assert second.extraction is not None


async def test_a_copy_of_a_failed_item_says_the_same(bench, begun):
    await begun(result_schema=SCHEMA)
    await bench.finish("failed")
    assert (await bench.do("queue_get"))["items"][0]["result_schema"] == SCHEMA


@pytest.mark.parametrize(
    ("more", "field", "why"),
    [
        ({"result_schema": {"columns": []}}, "item.result_schema", "at least one column"),
        (
            {"result_schema": {"columns": [{"name": "x", "dtype": "bool", "stop": "a"}]}},
            "item.result_schema.columns[0].dtype",
            "'int', 'float' or 'string'",
        ),
        ({"outputs": ["../x"]}, "item.outputs[0]", "relative path"),
        ({"outputs": "x"}, "item.outputs", "tuple"),
    ],
)
async def test_what_an_item_says_wrongly_is_refused_by_name(bench, more, field, why):
    reply = await bench.refuse("queue_item_add", item=plan(**more), **USER)
    [error] = reply["error"]["details"]["errors"]
    assert (error["field"], why in error["accepted"]) == (field, True)


async def test_what_stands_wrongly_in_the_store_costs_the_results_and_not_the_item(bench, store):
    await bench.open()
    [uid] = await bench.add("count")

    def spoil(tx):
        item = tx.item(uid)
        tx.replace(uid, Item(uid, item.lane, item.submission, {**item.content, "result_schema": 7}))

    await store.transact(spoil)
    await bench.do("queue_start")
    assert bench.sent(Execute)[0].extraction is None


async def test_metrics_are_shown_in_the_history_where_there_are_any(bench, begun):
    await begun()
    await bench.finish(metrics={"x": 1.5, "n": 2, "name": "gold"}, artifacts=[FILE])
    await begun()
    await bench.finish(metrics_error="Column 'x': there is no point.")
    await begun()
    await bench.finish()
    first, second, third = [item["result"] for item in (await bench.do("history_get"))["items"]]
    assert first["metrics"] == {"x": 1.5, "n": 2, "name": "gold"}
    assert second["metrics_error"] == "Column 'x': there is no point."
    assert not {"metrics", "metrics_error", "artifacts"} & set(third)
    assert ("metrics_error" in first, "metrics" in second) == (False, False)


async def test_the_result_of_an_ordinary_item_is_that_of_the_history(bench, begun):
    uid = await begun()
    await bench.finish(metrics={"x": 1.5}, artifacts=[FILE], run_uids=["run-1"], message="done")
    result = (await bench.do("result_get", item_uid=uid))["result"]
    [file] = result.pop("files")
    start = bench.clock.wall()
    assert result == {
        "submission_id": uid,
        "lane": "default",
        "name": "count",
        "attempt": 1,
        "item_uid": uid,
        "outcome": "completed",
        "time_start": start,
        "time_stop": start + 1.5,
        "message": "done",
        "run_uids": ["run-1"],
        "metrics": {"x": 1.5},
        "metrics_error": "",
    }
    assert len(file.pop("id")) == 32
    assert file == {"name": "points.csv", "artifact_id": "a" * 64, **{k: ARTIFACT[k] for k in set(ARTIFACT) - {"id"}}}
    assert (await bench.do("result_get", item_uid=uid))["result"]["files"][0]["id"]


async def test_each_attempt_of_a_submission_can_be_asked_for(bench, begun):
    uid = await begun()
    await bench.finish("failed", message="no beam")
    await bench.do("queue_start")
    await bench.run_plan("run-2")
    await bench.finish(metrics={"x": 2.0})
    first = (await bench.do("result_get", submission_id=uid, attempt=1))["result"]
    second = (await bench.do("result_get", submission_id=uid))["result"]
    assert (first["outcome"], first["message"], first["attempt"]) == ("failed", "no beam", 1)
    assert (second["outcome"], second["metrics"], second["attempt"]) == ("completed", {"x": 2.0}, 2)
    assert (await bench.do("result_list", submission_id=uid))["results"] == [first, second]
    assert (await bench.do("result_list", submission_id=uid, limit=1))["results"] == [second]
    assert (await bench.do("result_list", outcome="failed"))["results"] == [first]


async def test_the_results_in_the_history_come_in_pages(bench, begun):
    for number in range(3):
        await begun()
        await bench.finish(metrics={"n": number})
    page = await bench.do("result_list", limit=2)
    assert [each["metrics"]["n"] for each in page["results"]] == [1, 2]
    last = await bench.do("result_list", limit=2, before=page["before"])
    assert ([each["metrics"]["n"] for each in last["results"]], last["before"]) == ([0], None)
    assert (await bench.do("result_list", name="scan"))["results"] == []
    assert len((await bench.do("result_list", lane="default"))["results"]) == 3


async def test_the_results_of_a_submission_that_is_followed_outlive_the_history(bench, begun, store):
    await bench.open()
    [uid] = await bench.add("count")
    await store.transact(lambda tx: tx.add_submissions([Submission(uid, "default", "ada", 1.0)]))
    await bench.do("queue_start")
    await bench.run_plan()
    await bench.finish(metrics={"x": 3.0}, artifacts=[FILE])
    before = (await bench.do("result_get", item_uid=uid))["result"]
    assert (before["metrics"], before["name"], before["files"][0]["name"]) == ({"x": 3.0}, "count", "points.csv")
    await bench.do("history_clear")
    after = (await bench.do("result_get", submission_id=uid, attempt=1))["result"]
    assert after == {**before, "name": ""}
    assert (await bench.do("result_get", item_uid=uid))["result"] == after
    assert (await bench.do("result_list"))["results"] == []


@pytest.mark.parametrize(
    ("method", "params", "field"),
    [
        ("result_get", {}, "item_uid"),
        ("result_get", {"item_uid": "a", "submission_id": "b"}, "item_uid"),
        ("result_get", {"item_uid": "a", "attempt": 1}, "attempt"),
        ("result_get", {"submission_id": "a", "attempt": 0}, "attempt"),
        ("result_list", {"limit": 1_001}, "limit"),
        ("result_list", {"submission_id": "a", "name": "b"}, "name"),
        ("result_list", {"submission_id": "a", "before": 3}, "before"),
    ],
)
async def test_a_question_that_is_none_is_refused_by_name(bench, method, params, field):
    assert (await bench.refuse(method, **params))["error"]["details"]["field"] == field


async def test_what_has_not_ended_has_no_result(bench, begun):
    uid = await begun()
    for params in ({"item_uid": uid}, {"submission_id": uid}, {"submission_id": "nobody", "attempt": 3}):
        assert (await bench.refuse("result_get", **params))["error"]["code"] == "not_found"
    assert (await bench.do("result_list", submission_id=uid))["results"] == []
