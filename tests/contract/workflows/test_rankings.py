"""The results of a workflow are ranked by their metrics, the best one of each group or all."""

from __future__ import annotations

from tests.contract.workflows.conftest import WORKFLOW
from tests.doubles.bench import USER


async def ids(bench, **how):
    return [
        each["submission_id"] for each in (await bench.do("workflow_ranking", workflow_id="peak", **how))["ranking"]
    ]


async def make_groups(bench):
    for name in ("a", "b"):
        await bench.do("workflow_group_add", group={"id": name, "name": name.upper(), "workflow_id": "peak"}, **USER)


async def test_a_workflow_without_a_schema_has_no_ranking(bench, register, submit, run):
    await register(result_schema=None)
    await submit()
    await run(metrics={"height": 1.0})
    reply = await bench.do("workflow_ranking", workflow_id="peak")
    assert (reply["schema"], reply["ranking"], reply["postprocessing"]) == (None, [], None)


async def test_a_schema_without_results_has_an_empty_ranking(bench, register):
    added = await register()
    reply = await bench.do("workflow_ranking", workflow_id="peak")
    assert (reply["schema"], reply["ranking"]) == (added["result_schema"], [])
    assert (await bench.refuse("workflow_ranking", workflow_id="other"))["error"]["code"] == "not_found"


async def test_an_entry_tells_its_rank_its_group_its_times_and_its_values(bench, register, score):
    await register()
    await make_groups(bench)
    uid = await score(2.5, group="a")
    [entry] = (await bench.do("workflow_ranking", workflow_id="peak"))["ranking"]
    assert entry.pop("time_created") <= entry.pop("time_start") <= entry.pop("time_stop")
    assert entry == {
        "rank": 1,
        "submission_id": uid,
        "attempt": 1,
        "group": {"id": "a", "name": "A"},
        "values": {"height": 2.5},
    }


async def test_only_successful_attempts_with_metrics_are_ranked(bench, register, score, submit, run):
    await register()
    best = await score(1.0)
    for outcome, fields in (
        ("completed", {}),
        ("completed", {"metrics_error": "'height': there is no event."}),
        ("aborted", {"metrics": {"height": 9.0}}),
    ):
        await submit()
        await run(outcome, **fields)
        await bench.do("queue_clear")
    stopped = (await submit())["id"]
    await run("stopped", metrics={"height": 0.5})
    assert await ids(bench) == [best, stopped]


async def test_short_and_long_lists_under_every_order(bench, register, score):
    await register()
    await make_groups(bench)
    scores = [("a", 1.0, 5.0), ("a", 2.0, 1.0), ("b", 1.5, None), ("b", 1.5, 2.0), (None, 1.0, 3.0)]
    uids = [await score(height, width=width, group=group) for group, height, width in scores]
    a1, a2, b1, b2, free = uids
    columns = {name: [{"name": name, "descending": down}] for name, down in (("height", True), ("width", True))}
    assert await ids(bench) == sorted([a2, *sorted([b1, b2])[:1], free], key=[a2, b1, b2, free].index)
    assert await ids(bench, include_all=True) == [a2, *sorted([b1, b2]), *sorted([a1, free])]
    assert await ids(bench, order_by=columns["width"], include_all=True) == [a1, free, b2, a2, b1]
    assert await ids(bench, order_by=columns["width"]) == [a1, free, b2]
    rising = [{"name": "width", "descending": False}]
    assert await ids(bench, order_by=rising, include_all=True) == [a2, b2, free, a1, b1]
    assert await ids(bench, order_by=rising, include_all=True, limit=2) == [a2, b2]
    assert await ids(bench, order_by=[]) == await ids(bench)
    both = [*columns["height"], *rising]
    assert (await ids(bench, order_by=both, include_all=True))[1:3] == [b2, b1]


async def test_an_unknown_column_is_refused_with_those_that_are_known(bench, register):
    await register()
    reply = await bench.refuse("workflow_ranking", workflow_id="peak", order_by=[{"name": "depth"}])
    assert reply["error"]["details"]["field"] == "order_by[0].name"
    assert "height, width" in reply["msg"]
    await bench.refuse("workflow_ranking", workflow_id="peak", order_by=[{"name": "width", "descending": "yes"}])


async def test_trimming_the_history_takes_nothing_of_a_ranking(bench, register, score):
    await register()
    uid = await score(1.0)
    await bench.do("history_clear")
    assert await ids(bench) == [uid]


async def test_another_version_ranks_what_earlier_ones_have_left(bench, register, score, submit, run):
    await register()
    old = await score(3.0)
    schema = {"columns": [{"name": "depth", "dtype": "float", "stop": "depth"}, *WORKFLOW["result_schema"]["columns"]]}
    await bench.do("workflow_update", workflow={**WORKFLOW, "result_schema": schema}, **USER)
    new = (await submit())["id"]
    await run(metrics={"depth": 1.0, "height": 1.0})
    assert await ids(bench) == [new, old]
    assert await ids(bench, order_by=[{"name": "height"}]) == [old, new]
    renamed = {"columns": [{"name": "height", "dtype": "string", "stop": "x"}]}
    reply = await bench.refuse("workflow_update", workflow={**WORKFLOW, "result_schema": renamed}, **USER)
    assert "is a number in another version" in reply["msg"]
