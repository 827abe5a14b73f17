"""A workflow is submitted with arguments: its steps are queued, and what becomes of them is kept."""

from __future__ import annotations

import pytest

from queue_server.protocol.worker_link import Continue, Execute, Pause
from tests.contract.workflows.conftest import WORKFLOW, make_file
from tests.doubles.bench import USER, plan

SCAN = {"item_type": "plan", "name": "scan"}
TWO_STEPS = {
    "id": "chain",
    "steps": [SCAN, {"item_type": "instruction", "name": "queue_stop"}, WORKFLOW["plan"]],
    "parameters": WORKFLOW["parameters"],
}


async def queue(bench):
    return (await bench.do("queue_get"))["items"]


async def test_a_submission_is_an_item_filled_with_its_arguments(bench, register, submit):
    await register()
    submission = await submit(7, reference="mine", request={"any": None})
    [item] = await queue(bench)
    assert item["args"] == [["det1"]]
    assert item["kwargs"] == {"num": 7}
    assert item["meta"] == {"title": "7 points of det1"}
    assert (item["user"], item["user_group"]) == ("jdoe", "primary")
    assert submission["id"] == submission["item_uid"] == item["item_uid"]
    assert (submission["state"], submission["lane"], submission["workflow_version"]) == ("queued", "default", 1)
    assert submission["arguments"] == {"detector": "det1", "points": 7}
    assert (submission["reference"], submission["request"]) == ("mine", {"any": None})
    assert (await bench.do("submission_get", submission_id=submission["id"]))["submission"] == submission


@pytest.mark.parametrize(
    ("arguments", "field", "word"),
    [
        ({}, "arguments.points", "whole number"),
        ({"points": "7"}, "arguments.points", "of at least 1 and below 100"),
        ({"points": True}, "arguments.points", "whole number"),
        ({"points": 0}, "arguments.points", "at least 1"),
        ({"points": 100}, "arguments.points", "below 100"),
        ({"points": 7, "detector": "det9"}, "arguments.detector", "det1"),
        ({"points": 7, "exposure": 1}, "arguments.exposure", "points"),
        ({"points": 7, "mask": "0" * 32}, "arguments.mask", "file of the group"),
    ],
)
async def test_arguments_that_do_not_fit_change_nothing(bench, register, arguments, field, word):
    await register()
    reply = await bench.refuse("submission_add", workflow_id="peak", arguments=arguments, **USER)
    assert reply["error"]["details"]["field"] == field
    assert word in reply["msg"]
    assert (await bench.do("submission_list"))["submissions"] == []


async def test_a_workflow_that_accepts_more_keeps_what_is_no_parameter_and_shows_it_to_no_step(bench, register, submit):
    await register(accepts_more=True)
    submission = await submit(7, arguments={"points": 7, "exposure": [1, {"a": None}]})
    assert submission["arguments"] == {"detector": "det1", "points": 7, "exposure": [1, {"a": None}]}
    [item] = await queue(bench)
    assert (item["args"], item["kwargs"]) == ([["det1"]], {"num": 7})
    reply = await bench.refuse("submission_add", workflow_id="peak", arguments={"points": 0, "more": 1}, **USER)
    assert reply["error"]["details"]["field"] == "arguments.points"


async def test_texts_stand_for_numbers_where_that_is_asked_for(bench, register, submit):
    await register()
    assert (await submit(arguments={"points": "7"}, cast=True))["arguments"]["points"] == 7


async def test_a_step_that_cannot_run_is_refused(bench, register):
    await register(plan={**SCAN, "kwargs": {"unheard_of": 1}}, parameters=[])
    reply = await bench.refuse("submission_add", workflow_id="peak", **USER)
    assert "unheard_of" in reply["msg"]
    for user in ({}, {"user": "jdoe"}):
        await bench.refuse("submission_add", workflow_id="peak", **user)
    unknown = await bench.refuse("submission_add", workflow_id="nobody", **USER)
    assert unknown["error"]["code"] == "not_found"


async def test_steps_come_one_after_the_other(bench, submit):
    await bench.do("workflow_add", workflow=TWO_STEPS, **USER)
    submission = await submit(workflow_id="chain")
    first, stop, last = await queue(bench)
    assert [first["name"], stop["name"], last["name"]] == ["scan", "queue_stop", "count"]
    assert last["after"] == [first["item_uid"]]
    assert (submission["id"], submission["steps"]) == (last["item_uid"], [first["item_uid"], stop["item_uid"]])


async def test_a_step_of_several_is_named_in_the_refusal(bench):
    wrong = {**TWO_STEPS, "steps": [SCAN, {**SCAN, "name": "unknown"}]}
    await bench.do("workflow_add", workflow=wrong, **USER)
    reply = await bench.refuse("submission_add", workflow_id="chain", arguments={"points": 2}, **USER)
    assert "Step 2 of 2" in reply["msg"]


async def test_a_submission_goes_where_it_is_asked_to(bench, register, submit):
    await register()
    [ordinary] = await bench.add("scan")
    front = await submit(pos="front", held=True)
    assert [item["item_uid"] for item in await queue(bench)] == [front["id"], ordinary]
    assert front["state"] == "held"
    reply = await bench.refuse("submission_add", workflow_id="peak", arguments={"points": 2}, lane="nowhere", **USER)
    assert reply["error"]["code"] == "not_found"


async def test_results_outlive_queue_and_history(bench, register, submit, run):
    await register(outputs=[{"source": "out/data.npy", "key": "data.npy", "title": "Data"}])
    submission = await submit()
    await run(metrics={"height": 2.5}, files=[make_file("out/data.npy", "abc")])
    await bench.do("history_clear")
    found = (await bench.do("submission_get", submission_id=submission["id"]))["submission"]
    assert found["state"] == "completed"
    [result] = found["results"]
    assert (result["attempt"], result["outcome"], result["metrics"]) == (1, "completed", {"height": 2.5})
    [file] = result["files"]
    assert (file["name"], file["size_bytes"], len(file["id"])) == ("data.npy", 3, 32)
    manifest = await bench.do("submission_archive", submission_id=submission["id"])
    assert (manifest["manifest"], manifest["attempt"]) == ([file], 1)
    found = await bench.do("submission_file", submission_id=submission["id"], file_id=file["id"])
    assert found["file"] == file


async def test_the_worker_is_told_what_to_take(bench, register, submit):
    await register(outputs=[{"source": "out/data.npy"}])
    await submit()
    await bench.do("queue_start")
    [order] = bench.sent(Execute)
    assert order.extraction.outputs == ("out/data.npy",)
    assert [column.name for column in order.extraction.result_schema.columns] == ["height", "width"]


async def test_files_of_others_are_not_found(bench, register, submit, run):
    await register()
    first, second = await submit(), await submit()
    await run(files=[make_file("data.npy", "abc")])
    [file] = (await bench.do("submission_archive", submission_id=first["id"]))["manifest"]
    for method, params in (
        ("submission_file", {"submission_id": second["id"], "file_id": file["id"]}),
        ("submission_archive", {"submission_id": second["id"]}),
        ("submission_archive", {"submission_id": first["id"], "attempt": 2}),
        ("submission_get", {"submission_id": "nobody"}),
    ):
        assert (await bench.refuse(method, **params))["error"]["code"] == "not_found"


async def test_every_attempt_has_a_result(bench, register, submit, run):
    await register()
    submission = await submit()
    await run("failed", message="no beam")
    waiting = (await bench.do("submission_get", submission_id=submission["id"]))["submission"]
    assert (waiting["state"], waiting["item_uid"] != submission["id"]) == ("queued", True)
    await run(metrics={"height": 1.0})
    found = (await bench.do("submission_get", submission_id=submission["id"]))["submission"]
    assert [(each["attempt"], each["outcome"]) for each in found["results"]] == [(1, "failed"), (2, "completed")]


async def test_what_waits_is_cancelled_with_its_earlier_steps(bench, submit):
    await bench.do("workflow_add", workflow=TWO_STEPS, **USER)
    [ordinary] = await bench.add("scan")
    submission = await submit(workflow_id="chain")
    found = (await bench.do("submission_cancel", submission_id=submission["id"], reason="wrong"))["submission"]
    assert found["state"] == "removed"
    assert await bench.uids() == [ordinary]
    again = await bench.refuse("submission_cancel", submission_id=submission["id"])
    assert again["error"]["code"] == "wrong_state"


async def test_what_runs_is_paused_and_aborted_and_what_waits_behind_it_is_untouched(bench, register, submit):
    await register()
    submission = await submit()
    [other] = await bench.add("scan")
    await bench.do("queue_start")
    await bench.run_plan()
    shown = (await bench.do("submission_cancel", submission_id=submission["id"], reason="wrong"))["submission"]
    assert shown["state"] == "running"
    assert [message.option for message in bench.sent(Pause)] == ["immediate"]
    again = await bench.refuse("submission_cancel", submission_id=submission["id"])
    assert "is being cancelled" in again["msg"]
    await bench.pause()
    assert [message.option for message in bench.sent(Continue)] == ["abort"]
    await bench.finish("aborted", message="RunEngine aborted")
    found = (await bench.do("submission_get", submission_id=submission["id"]))["submission"]
    assert [(each["outcome"], each["message"]) for each in found["results"]] == [("aborted", "wrong")]
    assert (found["state"], await bench.uids(), bench.status["manager_state"]) == ("aborted", [other], "idle")
    events = (await bench.do("events_get"))["events"]
    [told] = [event for event in events if event["kind"] == "submission_cancel"]
    assert told["data"] == {"submission_id": submission["id"], "item_uid": submission["id"], "reason": "wrong"}


async def test_what_is_paused_is_aborted_at_once_and_does_not_come_back(bench, register, submit):
    await register()
    submission = await submit()
    await bench.do("queue_start")
    await bench.run_plan()
    await bench.do("re_pause", option="immediate", item_uid=submission["id"])
    await bench.pause()
    paused = (await bench.do("submission_get", submission_id=submission["id"]))["submission"]
    assert paused["state"] == "paused"
    await bench.do("submission_cancel", submission_id=submission["id"])
    await bench.finish("aborted")
    found = (await bench.do("submission_get", submission_id=submission["id"]))["submission"]
    assert [(each["outcome"], each["message"]) for each in found["results"]] == [("aborted", "canceled by user")]
    assert await bench.uids() == []


async def test_an_earlier_step_that_runs_is_ended_too(bench, submit):
    await bench.do("workflow_add", workflow=TWO_STEPS, **USER)
    submission = await submit(workflow_id="chain")
    await bench.do("queue_start")
    await bench.run_plan()
    found = (await bench.do("submission_cancel", submission_id=submission["id"]))["submission"]
    assert found["state"] == "removed"
    assert len(bench.sent(Pause)) == 1
    assert await bench.uids() == []


async def test_an_order_for_an_item_is_refused_while_another_one_runs(bench, register, submit):
    await register()
    await submit()
    waiting = await submit()
    await bench.do("queue_start")
    await bench.run_plan()
    for method in ("re_pause", "re_resume", "re_stop", "re_abort", "re_halt"):
        reply = await bench.refuse(method, item_uid=waiting["id"])
        assert reply["error"]["code"] == "wrong_state"
        assert waiting["id"] in reply["msg"]


async def test_what_has_ended_can_be_forgotten(bench, register, submit, run):
    await register()
    submission = await submit()
    reply = await bench.refuse("submission_remove", submission_id=submission["id"])
    assert reply["error"]["code"] == "wrong_state"
    await run(metrics={"height": 1.0})
    await bench.do("submission_remove", submission_id=submission["id"])
    assert (await bench.refuse("submission_get", submission_id=submission["id"]))["error"]["code"] == "not_found"
    assert len((await bench.do("history_get"))["items"]) == 1
    assert (await bench.do("workflow_ranking", workflow_id="peak"))["ranking"] == []


async def test_submissions_are_listed_by_what_they_belong_to(bench, register, submit, run):
    await register()
    await register(id="other")
    uids = [(await submit())["id"] for _ in range(3)]
    other = (await submit(workflow_id="other"))["id"]
    await run()

    async def ids(**wanted):
        return [each["id"] for each in (await bench.do("submission_list", **wanted))["submissions"]]

    assert await ids() == [*uids, other]
    assert await ids(workflow_id="other") == [other]
    assert await ids(workflow_id="peak", state=["queued"]) == uids[1:]
    assert await ids(state=["completed"]) == uids[:1]
    assert await ids(group_id="nobody") == []
    page = await bench.do("submission_list", limit=3)
    assert await ids(cursor=page["next_cursor"]) == [other]
    assert (await bench.refuse("submission_list", cursor="x"))["error"]["details"]["field"] == "cursor"


async def test_ordinary_items_are_no_submissions(bench, run):
    [uid] = await bench.add("scan")
    await run()
    assert (await bench.refuse("submission_get", submission_id=uid))["error"]["code"] == "not_found"
    assert plan()["item_type"] == "plan"


@pytest.mark.parametrize("method", ["submission_add", "workflow_add", "workflow_group_add"])
async def test_a_repetition_under_its_key_has_one_effect(bench, register, method):
    await register()
    params = {
        "submission_add": {"workflow_id": "peak", "arguments": {"points": 2}},
        "workflow_add": {"workflow": {**WORKFLOW, "id": "another"}},
        "workflow_group_add": {"group": {"name": "Team", "workflow_id": "peak"}},
    }[method]
    frames = [await bench.request(method, _envelope={"idempotency_key": "k"}, **params, **USER) for _ in range(2)]
    assert frames[0] == frames[1]
    counts = [
        len((await bench.do("submission_list"))["submissions"]),
        len((await bench.do("workflow_list"))["workflows"]) - 1,
        len((await bench.do("workflow_group_list"))["groups"]),
    ]
    assert sorted(counts) == [0, 0, 1]


async def test_steps_go_to_their_own_lanes(bench, submit):
    graph = {"item_type": "dag", "name": "average", "kwargs": {"files": [{"item": 0, "file": "data.npy"}]}}
    await bench.do("workflow_add", workflow={"id": "mixed", "steps": [SCAN, graph]}, **USER)
    submission = await submit(workflow_id="mixed", arguments={})
    assert (submission["lane"], len(submission["steps"])) == ("compute", 1)
    [waiting] = (await bench.do("queue_get", lane="compute"))["items"]
    assert waiting["after"] == submission["steps"]
    assert waiting["kwargs"] == {"files": [{"item_uid": submission["steps"][0], "file": "data.npy"}]}
    named = {"id": "named", "steps": [{**SCAN, "lane": "default"}], "lane": "nowhere"}
    await bench.do("workflow_add", workflow=named, **USER)
    assert (await submit(workflow_id="named", arguments={}))["lane"] == "default"
    await bench.do("workflow_add", workflow={**named, "id": "lost", "steps": [SCAN]}, **USER)
    reply = await bench.refuse("submission_add", workflow_id="lost", **USER)
    assert reply["error"]["details"]["field"] == "lane"


async def test_items_of_a_batch_are_submissions_that_only_their_batch_forgets(bench, register, run):
    await register()
    items = [{"arguments": {"points": points}} for points in (2, 3)]
    made = await bench.do("batch_create", workflow_id="peak", items=items, **USER)
    first = made["items"][0]
    found = (await bench.do("submission_get", submission_id=first["item_id"]))["submission"]
    assert (found["id"], found["item_id"]) == (first["submission_id"], first["item_id"])
    await run(metrics={"height": 1.0})
    assert len((await bench.do("workflow_ranking", workflow_id="peak"))["ranking"]) == 1
    reply = await bench.refuse("submission_remove", submission_id=first["submission_id"])
    assert "item of the batch" in reply["msg"]


async def test_taking_a_submission_back_leaves_its_record(bench, register, submit):
    await register()
    submission = await submit()
    await bench.do("queue_undo", **USER)
    assert await bench.uids() == []
    found = (await bench.do("submission_get", submission_id=submission["id"]))["submission"]
    assert found["state"] == "removed"
